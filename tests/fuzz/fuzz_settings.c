/* Fuzzes the reader of configuration files: what it takes, it must print and take again.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "buffer.h"
#include "conf/settings.h"
#include "file_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_settings(const uint8_t *data, size_t size, struct settings *s)
{
	struct buffer errors = {0};
	char path[64];
	int fd = file_input(data, size, path, sizeof(path)), result;

	result = settings_read(s, path, NULL, 0, &errors);
	if (result < 0 && !errors.len)
		abort(); /* refused, and nobody is told why */
	buffer_free(&errors);
	close(fd);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer printed = {0};
	struct settings s, again;

	if (read_settings(data, size, &s) == 0) {
		settings_print(&s, &printed);
		if (read_settings((const uint8_t *)printed.p, printed.len, &again) < 0)
			abort();
		settings_free(&again);
		buffer_free(&printed);
	}
	settings_free(&s);
	return 0;
}
