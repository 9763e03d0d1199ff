/* The control socket, the agent's side.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../clock.h"
#include "../log.h"
#include "control.h"
#include "report.h"

struct client {
	int fd; /* -1: free */
	uint64_t until_ns;
	char request[CONTROL_REQUEST_MAX];
	unsigned len;
	struct buffer reply;
	size_t sent;
	bool answered;
};

struct control {
	int fd;
	char *path;
	control_answer answer;
	void *arg;
	struct client clients[CONTROL_CLIENTS_MAX];
};

static void client_close(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	buffer_free(&c->reply);
}

static int address_of(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	strcpy(a->sun_path, path);
	return 0;
}

/* Makes the directories above path. What exists is left alone; bind() tells what is wrong. */
static void make_directories(const char *path)
{
	char *copy = strdup(path);

	for (char *p = copy ? strchr(copy + 1, '/') : NULL; p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			break;
		*p = '/';
	}
	free(copy);
}

/* Removes a socket that nobody listens at. -EADDRINUSE: somebody does, or it is no socket. */
static int remove_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)a, sizeof(*a)) ? -errno : 0;
	close(fd);
	if (r != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(a->sun_path) ? -errno : 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a;
	int fd, r = address_of(&a, path);

	if (r)
		return r;
	make_directories(path);
	r = remove_stale(&a);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The mode given before bind() is that of the file; after it the umask is undone. */
	if (fchmod(fd, 0660) || bind(fd, (struct sockaddr *)&a, sizeof(a)) || chmod(path, 0660) ||
	    listen(fd, CONTROL_CLIENTS_MAX)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

struct control *control_open(const char *path, control_answer answer, void *arg)
{
	struct control *c = calloc(1, sizeof(*c));
	int r = c ? listen_at(path) : -ENOMEM;

	if (r < 0) {
		if (r == -EADDRINUSE)
			log_error("control socket %s: another agent answers there; stop it, or set "
				  "control.socket",
				  path);
		else if (r == -EEXIST)
			log_error("control socket %s: there is a file that is no socket; remove "
				  "it, or set control.socket",
				  path);
		else
			log_error("control socket %s: %s; set control.socket", path, strerror(-r));
		free(c);
		return NULL;
	}
	c->fd = r;
	c->path = strdup(path);
	c->answer = answer;
	c->arg = arg;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c->clients[i].fd = -1;
	return c;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0)
			client_close(&c->clients[i]);
	if (c->path)
		unlink(c->path);
	close(c->fd);
	free(c->path);
	free(c);
}

unsigned control_poll(struct control *c, struct pollfd *fds, int *timeout_ms)
{
	uint64_t now = clock_monotonic_ns();
	unsigned n = 1, busy = 0;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *k = &c->clients[i];
		int left;

		fds[n].fd = k->fd;
		fds[n].events = k->answered ? POLLOUT : POLLIN;
		fds[n].revents = 0;
		n++;
		if (k->fd < 0)
			continue;
		busy++;
		left = k->until_ns > now ? (int)((k->until_ns - now) / 1000000) + 1 : 0;
		if (*timeout_ms < 0 || left < *timeout_ms)
			*timeout_ms = left;
	}
	/* Those who come when all places are taken wait in the kernel's queue. */
	fds[0].fd = busy < CONTROL_CLIENTS_MAX ? c->fd : -1;
	fds[0].events = POLLIN;
	fds[0].revents = 0;
	return n;
}

static void accept_one(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (unsigned i = 0; fd >= 0 && i < CONTROL_CLIENTS_MAX; i++) {
		struct client *k = &c->clients[i];

		if (k->fd >= 0)
			continue;
		memset(k, 0, sizeof(*k));
		k->fd = fd;
		k->until_ns = clock_monotonic_ns() + CONTROL_PATIENCE_MS * UINT64_C(1000000);
		return;
	}
	if (fd >= 0)
		close(fd);
}

static void client_send(struct client *k)
{
	while (k->sent < k->reply.len) {
		ssize_t n = send(k->fd, k->reply.p + k->sent, k->reply.len - k->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		k->sent += (size_t)n;
	}
	client_close(k);
}

static void client_read(struct control *c, struct client *k)
{
	ssize_t n = recv(k->fd, k->request + k->len, sizeof(k->request) - k->len, MSG_DONTWAIT);
	char *end;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_close(k);
		return;
	}
	k->len += (unsigned)n;
	end = memchr(k->request, '\n', k->len);
	if (!end && k->len < sizeof(k->request))
		return;
	if (!end || memchr(k->request, '\0', (size_t)(end - k->request))) {
		buffer_string(&k->reply, "{\"error\":\"a request is one line of text\"}");
	} else {
		*end = '\0';
		if (!c->answer(k->request, k->fd, &k->reply, c->arg)) {
			k->fd = -1;
			buffer_free(&k->reply);
			return;
		}
	}
	buffer_char(&k->reply, '\n');
	k->answered = true;
	if (k->reply.failed)
		client_close(k); /* out of memory: the other side sees an empty reply */
	else
		client_send(k);
}

void control_run(struct control *c, const struct pollfd *fds)
{
	uint64_t now = clock_monotonic_ns();

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *k = &c->clients[i];

		if (k->fd < 0)
			continue;
		if (fds[1 + i].revents && k->answered)
			client_send(k);
		else if (fds[1 + i].revents)
			client_read(c, k);
		if (k->fd >= 0 && now >= k->until_ns)
			client_close(k);
	}
	if (fds[0].revents)
		accept_one(c);
}
