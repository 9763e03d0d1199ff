/* Descriptors that were kept for us.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "kept.h"

/* Filled and emptied by the main thread while it starts. */
static struct {
	int fd;
	const char *name;
} kept[KEPT_MAX];
static unsigned n_kept;

void kept_add(int fd, const char *name)
{
	if (n_kept == KEPT_MAX) {
		close(fd);
		return;
	}
	kept[n_kept].fd = fd;
	kept[n_kept++].name = name;
}

void kept_take(const char *name, bool (*take)(int fd, void *arg), void *arg)
{
	for (unsigned i = 0; i < n_kept; i++)
		if (kept[i].fd >= 0 && !strcmp(kept[i].name, name) && take(kept[i].fd, arg))
			kept[i].fd = -1;
}

void kept_close(void)
{
	for (unsigned i = 0; i < n_kept; i++)
		if (kept[i].fd >= 0)
			close(kept[i].fd);
	n_kept = 0;
}
