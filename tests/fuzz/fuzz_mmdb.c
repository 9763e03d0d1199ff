/* Fuzzes the reader of MMDB files: whatever the bytes are, there is a reason or a table that can be
 * asked.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "enrich/ip_table.h"
#include "publish/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, json_info};
	static int fd = -1;
	static char path[32];
	const char *paths[] = {path};
	struct ip_table_options o = ip_table_everything(paths, 1);
	char error[300] = "";
	struct ip_table *t;

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	o.writers = writers;
	t = ip_table_load(&o, error, sizeof(error));
	if (!t) {
		if (!*error)
			abort(); /* refused without a word */
		return 0;
	}
	for (unsigned i = 0; i + 16 <= size && i < 64 * 16; i += 16) {
		const struct ip_part *p;
		struct ip_addr a;

		memcpy(a.b, data + i, 16);
		if (i % 32)
			ip_from_v4(&a, data + i);
		p = &t->parts[ip_table_leaf(t, ip_table_find(t, &a))->part];
		if ((p->as && p->as->name.len > INFO_TEXT_MAX) ||
		    (p->geo && p->geo->city.len > INFO_TEXT_MAX))
			abort();
	}
	ip_table_free(t);
	return 0;
}
