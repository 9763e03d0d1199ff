/* Fuzzes the reader of saved state: whatever it takes must be saved and read again.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <urcu-qsbr.h>
#include <zlib.h>

#include "decode/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is what follows the header, so that no checksum has to be guessed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool registered;
	static struct account account;
	struct exporter_store *store;
	uint8_t *file = malloc(20 + size);
	uint32_t words[3] = {1, (uint32_t)size, (uint32_t)crc32(0, data, (uInt)size)};
	char error[256];

	if (!registered)
		rcu_register_thread();
	registered = true;
	memcpy(file, "WEIRSTAT", 8);
	memcpy(file + 8, words, sizeof(words));
	if (size)
		memcpy(file + 20, data, size);
	store = exporter_store_new(&decode_defaults, 1);
	state_parse(store, file, 20 + size, &account, error, sizeof(error));
	exporter_store_free(store);
	rcu_quiescent_state();
	rcu_barrier();
	free(file);
	return 0;
}
