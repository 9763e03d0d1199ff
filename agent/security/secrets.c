/* Files with secrets that all may read.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../log.h"
#include "security.h"

/* Whether the text stands in the file; true where that cannot be told. */
static bool holds(const char *path, const char *text, off_t size)
{
	char *bytes = malloc((size_t)size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = bytes && fd >= 0 ? read(fd, bytes, (size_t)size) : -1;
	bool found = n < 0 || memmem(bytes, (size_t)n, text, strlen(text));

	if (fd >= 0)
		close(fd);
	if (bytes)
		explicit_bzero(bytes, (size_t)size);
	free(bytes);
	return found;
}

int security_secret_file(const struct security_options *o, const char *what, const char *path,
			 const char *secret)
{
	bool refuse = o->secret_files == SECRETS_REFUSE;
	struct stat st;

	/* What cannot be read is told by whoever reads it. */
	if (!path || stat(path, &st) || !S_ISREG(st.st_mode) || !(st.st_mode & 0007))
		return 0;
	if (secret && !holds(path, secret, st.st_size + 1))
		return 0;
	log_print(refuse ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
		  "%s %s holds a secret that all users of this machine may read (mode %04o): chmod "
		  "o= %s%s",
		  what, path, st.st_mode & 07777, path,
		  refuse ? ", or set security.secret_files: warn" : "");
	return refuse ? -EACCES : 0;
}
