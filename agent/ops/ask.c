/* The control socket, the side that asks.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

static int send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int read_all(int fd, struct buffer *to)
{
	for (;;) {
		char *room = buffer_reserve(to, 65536);
		ssize_t n = room ? recv(fd, room, 65536, 0) : 0;

		if (!room)
			return -ENOMEM;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return to->len ? 0 : -ECONNRESET;
		to->len += (size_t)n;
	}
}

int control_connect(const char *path)
{
	const struct timeval patience = {.tv_sec = CONTROL_PATIENCE_MS / 1000};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int control_ask(const char *path, const char *request, struct buffer *reply)
{
	int fd = control_connect(path), r;

	if (fd < 0)
		return fd;
	r = send_all(fd, request, strlen(request));
	if (!r)
		r = send_all(fd, "\n", 1);
	if (!r)
		r = read_all(fd, reply);
	close(fd);
	return r;
}
