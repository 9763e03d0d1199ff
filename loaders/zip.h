/* Finds a member of a zip file (APPNOTE.TXT 4.3; stored and deflated, no zip64, no encryption).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ZIP_H
#define WEIR_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zip_member {
	uint64_t offset; /* of its data in the file */
	uint32_t packed, unpacked, crc;
	bool deflated;
};

/* The first member of the file `fd` whose name ends in `suffix`. Returns 0, -ENOMSG (there is
 * none), -EBADMSG (damaged), -ENOTSUP (zip64, encryption, other packing), -ENOMEM or -errno. */
int zip_find(int fd, const char *suffix, struct zip_member *m);

#endif
