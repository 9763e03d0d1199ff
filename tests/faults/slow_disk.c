/* Preloaded: each forcing of a file to disk takes five seconds more.
 * SPDX-License-Identifier: Apache-2.0 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const struct timespec five = {.tv_sec = 5};

	nanosleep(&five, NULL);
	return (int)syscall(SYS_fdatasync, fd);
}
