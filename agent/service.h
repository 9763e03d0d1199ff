/* What the service manager is told (sd_notify(3)).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include <stdint.h>

/* Sends a state as "READY=1" to the socket that NOTIFY_SOCKET names; without one does nothing. */
void service_notify(const char *state);

/* The manager's store of descriptors (FileDescriptorStoreMax= of systemd): keeps one by a name, or
 * forgets all of that name. What is kept outlives the process. */
void service_keep(int fd, const char *name);
void service_forget(const char *name);

/* First of all, while sockets can be made: what the other calls need. The descriptors of KEPT_UDP
 * that the manager kept from the process before go to kept.h; others of its store are closed. */
void service_open(void);

/* Within what time the manager wants to hear "WATCHDOG=1" each time, ns; 0: it does not ask. */
uint64_t service_watchdog_ns(void);

#endif
