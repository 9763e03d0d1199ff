/* Messages for the operator: one line, what, where, what to do.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above this level are not printed; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Prints "<level>: <message>" and a newline to standard error, in one write. Under systemd
 * (JOURNAL_STREAM set) the line begins with the priority instead. Thread-safe. */
__attribute__((format(printf, 2, 3))) void log_print(enum log_level level, const char *format, ...);

#define log_error(...)	 log_print(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_print(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_print(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* For what could repeat with every datagram: true at most once every `seconds`, as held in *last
 * (monotonic ns, start with 0). Safe to call from several threads. */
bool log_allowed(uint64_t *last, unsigned seconds);

#endif
