/* A fuzzer's input as a file that can be opened by name.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FILE_INPUT_H
#define WEIR_FILE_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Puts the bytes into a file of memory and its path into `path`. The descriptor is the caller's. */
static inline int file_input(const uint8_t *data, size_t size, char *path, size_t path_size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return -1;
	}
	snprintf(path, path_size, "/proc/self/fd/%d", fd);
	return fd;
}

#endif
