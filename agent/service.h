/* What the service manager is told (sd_notify(3)).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Sends a state as "READY=1" to the socket that NOTIFY_SOCKET names; without one does nothing. */
void service_notify(const char *state);

/* The manager's store of descriptors (FileDescriptorStoreMax= of systemd): keeps one by a name, or
 * forgets all of that name. What is kept outlives the process. */
void service_keep(int fd, const char *name);
void service_forget(const char *name);

/* Goes over the descriptors of that name that the manager kept from the process before: those for
 * which take() is true belong to the caller from then on, and are not shown again. */
void service_kept(const char *name, bool (*take)(int fd, void *arg), void *arg);
/* Closes those that nobody took. */
void service_kept_close(void);

/* Within what time the manager wants to hear "WATCHDOG=1" each time, ns; 0: it does not ask. */
uint64_t service_watchdog_ns(void);

#endif
