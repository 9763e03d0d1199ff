/* Descriptors that were kept for us: by the service manager, or by the agent before us.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_KEPT_H
#define WEIR_KEPT_H

#include <stdbool.h>

enum { KEPT_MAX = 1024 };

#define KEPT_UDP  "weir-udp"  /* a socket that exporters send to */
#define KEPT_PINS "weir-pins" /* the directory of the pins, with its lock */

/* Adds one; the name is static or lives as long. What there is no room for is closed. */
void kept_add(int fd, const char *name);

/* Goes over the descriptors of that name: those for which take() is true belong to the caller from
 * then on, and are not shown again. */
void kept_take(const char *name, bool (*take)(int fd, void *arg), void *arg);

/* Closes those that nobody took. */
void kept_close(void);

#endif
