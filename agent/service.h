/* What the service manager is told (sd_notify(3)).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include <stdint.h>

/* Sends a state as "READY=1" to the socket that NOTIFY_SOCKET names; without one does nothing. */
void service_notify(const char *state);

/* Within what time the manager wants to hear "WATCHDOG=1" each time, ns; 0: it does not ask. */
uint64_t service_watchdog_ns(void);

#endif
