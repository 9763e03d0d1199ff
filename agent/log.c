/* Messages for the operator.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static enum log_level shown = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	__atomic_store_n(&shown, level, __ATOMIC_RELAXED);
}

void log_print(enum log_level level, const char *format, ...)
{
	static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
	static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};
	char line[1024];
	va_list ap;
	int n, m;

	if (level > __atomic_load_n(&shown, __ATOMIC_RELAXED))
		return;
	n = getenv("JOURNAL_STREAM") ? snprintf(line, sizeof(line), "%s", priorities[level])
				     : snprintf(line, sizeof(line), "weir: %s", names[level]);
	va_start(ap, format);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
	va_end(ap);
	if (m < 0)
		return;
	n = n + m < (int)sizeof(line) - 2 ? n + m : (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say so */
}

bool log_allowed(uint64_t *last, unsigned seconds)
{
	uint64_t now = clock_monotonic_ns(), before = __atomic_load_n(last, __ATOMIC_RELAXED);

	if (before && now - before < (uint64_t)seconds * 1000000000u)
		return false;
	return __atomic_compare_exchange_n(last, &before, now, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}
