/* What the settings say about security, put into force at the steps of the start.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFINE_H
#define WEIR_CONFINE_H

#include "conf/settings.h"

/* Before anything is opened: files with secrets that all may read. 0 or a negative errno. */
int confine_check(const struct settings *s, const char *settings_path);

/* After XDP and UDP sockets are open, before there are threads: user, files. settings_path: the
 * file to be read again at SIGHUP, or NULL. 0 or a negative errno; one line was logged. */
int confine_start(const struct settings *s, const char *settings_path);

#endif
