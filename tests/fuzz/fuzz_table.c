/* Fuzzes the reader of ip.table behind its sums: whatever the bytes are, there is a reason or a
 * table that can be asked.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "../unit/table_seal.h"
#include "file_input.h"
#include "publish/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asks for addresses all over the place. */
static void ask(const struct ip_table *t)
{
	for (uint32_t i = 0; i < 4096; i++) {
		const struct ip_leaf *l;
		const struct ip_part *p;
		struct ip_addr a = {0};
		uint32_t v4 = i * 0x9e3779b1u;

		if (i % 2)
			ip_from_v4(&a, &v4);
		else
			for (unsigned k = 0; k < 16; k += 4, v4 = v4 * 0x85ebca6bu + i)
				memcpy(a.b + k, &v4, 4);
		l = ip_table_leaf(t, ip_table_find(t, &a));
		p = &t->parts[l->part];
		if ((p->as && p->as->name.len > INFO_TEXT_MAX) ||
		    (p->geo && p->geo->encoded.len[INFO_JSON][0] > INFO_ENCODED_MAX))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, json_info};
	struct ip_table_options o = {.writers = writers};
	struct table_identity id = {.size = 0};
	struct table_header h = {.n_prefixes = 0};
	uint8_t *sealed = malloc(size + 1);
	char error[300] = "", path[32];
	struct ip_table *t;
	int fd;

	if (!sealed)
		return 0;
	memcpy(sealed, data, size);
	if (size >= sizeof(h)) {
		memcpy(&h, data, sizeof(h));
		memcpy(id.content, h.content, sizeof(id.content));
		id.size = h.mmdb_size;
		table_seal(sealed, size);
	}
	/* The one number that nothing depends on says which options there are. */
	o.as_names = h.n_prefixes & 1;
	o.geo = h.n_prefixes & 2;
	o.networks = h.n_prefixes & 4;
	o.refs = h.n_prefixes & 8;
	fd = file_input(sealed, size, path, sizeof(path));
	free(sealed);
	if (fd < 0)
		return 0;
	t = table_read(path, &id, &o, error, sizeof(error));
	if (!t && !*error)
		abort(); /* refused without a word */
	if (t)
		ask(t);
	ip_table_free(t);
	close(fd);
	return 0;
}
