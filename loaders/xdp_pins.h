/* The directory of pins on the BPF file system: making it, locking it, finding what is there.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_XDP_PINS_H
#define WEIR_XDP_PINS_H

#include <stdbool.h>
#include <stddef.h>

#include "xdp.h"

enum { PIN_PATH_MAX = 320 };

struct pins {
	char path[256];
	int fd; /* of the directory, locked; -1: not open */
};

/* Writes one line for the operator and returns -code. */
__attribute__((format(printf, 4, 5))) int xdp_fail(char *error, size_t error_size, int code,
						   const char *format, ...);

/* Makes the directory (0700) where `create`, and takes its lock. Mounts the BPF file system on
 * /sys/fs/bpf where it is not. Returns 0, -EBUSY, -ENOTSUP, -ENOENT … with a line in `error`. */
int pins_open(struct pins *p, const char *path, bool create, char *error, size_t error_size);

/* Gives the lock back; removes the directory where it is empty. */
void pins_close(struct pins *p);

/* <path>[/<interface>]/<name>; interface may be NULL, name may be NULL for the directory itself.
 * Returns 0 or -ENAMETOOLONG. */
int pins_path(char out[PIN_PATH_MAX], const char *path, const char *interface, const char *name);

/* Calls `each` with the name of every interface that has pins. Returns their number or a negative
 * errno. */
int pins_interfaces(const char *path, void (*each)(const char *interface, void *arg), void *arg);

/* Removes the pins of an interface: detaches it, where nobody else holds the link. */
void pins_remove_interface(const char *path, const char *interface);

/* Removes the pins of the shared maps, unless an interface is left. */
void pins_remove_shared(const char *path);

const char *xdp_map_name(enum xdp_map map);

#endif
