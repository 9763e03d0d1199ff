/* What time it is, by the clock that fits.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CLOCK_H
#define WEIR_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Any clock, such as that of another thread's processor time; 0 where there is none (any more). */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Since 1970: for times that others read. It jumps when somebody sets the clock. */
static inline uint64_t clock_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* The same in whole seconds: for what is dated to the second. */
static inline uint64_t clock_real_s(void)
{
	return clock_real_ns() / 1000000000u;
}

/* Since the machine started: for how long something took, or is to wait. Nobody sets it. */
static inline uint64_t clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The same in milliseconds: for time limits that are given in them. */
static inline uint64_t clock_monotonic_ms(void)
{
	return clock_monotonic_ns() / 1000000u;
}

/* The monotonic one as of the last tick, some milliseconds ago: for loops that ask at each turn. */
static inline uint64_t clock_coarse_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* What this thread has had of a processor: for measuring, whatever else runs. */
static inline uint64_t clock_thread_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

#endif
