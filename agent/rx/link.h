/* Whether an interface that was removed is back.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LINK_H
#define WEIR_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* One that was removed. All zero to begin with. */
struct link_watch {
	int index;	   /* of the one that has its name now and is up; 0: none */
	uint64_t since_ns; /* that it has been seen so, monotonic */
};

/* Asks the kernel by rtnetlink, which takes no privilege, and neither a file nor a system call that
 * the confined agent has not. Returns the index of the interface of this name where it is up, 0
 * where it is down or there is none, or a negative errno where the kernel does not tell. */
int link_up(const char *name);

/* To be called every second or so: 1 when an interface of this name has been there and up for two
 * seconds, and has been the same all the while; 0 when not; or a negative errno. */
int link_is_back(struct link_watch *w, const char *name, uint64_t now_ns);

#endif
