/* One agent takes the place of another that runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "handover.h"
#include "kept.h"
#include "log.h"
#include "ops/control.h"

enum {
	AT_ONCE = 200, /* descriptors in a message; the kernel takes 253 */
	ERROR_MAX = 256,
	ANSWER_MAX = 4096, /* bytes, of letters or of an error */
};

#define STOP	  "stop\n"
#define KIND_UDP  'u'
#define KIND_PINS 'p'

union ancillary {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * AT_ONCE)];
};

static struct handover_peer peer_of(int fd)
{
	struct ucred c = {.uid = (uid_t)-1};
	socklen_t len = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len))
		c = (struct ucred){.uid = (uid_t)-1};
	return (struct handover_peer){.pid = c.pid, .uid = c.uid};
}

/* The letters and descriptors of one message. Returns how many bytes, 0 at the end of the
 * connection, or a negative errno. What came with a message that is not as it should be is closed.
 */
static ssize_t receive_some(int fd, char *text, size_t size, int *fds, unsigned *n_fds)
{
	union ancillary control;
	struct iovec part = {text, size};
	struct msghdr m = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

	*n_fds = 0;
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + *n_fds, CMSG_DATA(c), bytes);
		*n_fds += (unsigned)(bytes / sizeof(int));
	}
	if (!(m.msg_flags & MSG_CTRUNC))
		return n;
	while (*n_fds)
		close(fds[--*n_fds]);
	return -EMFILE;
}

/* Descriptors go with their letters, in order; text without any is an error's. */
static int keep(const char *text, size_t n, const int *fds, unsigned n_fds, unsigned *sockets)
{
	unsigned used = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] != KIND_UDP && text[i] != KIND_PINS)
			continue;
		if (used == n_fds)
			return -EPROTO;
		*sockets += text[i] == KIND_UDP;
		kept_add(fds[used++], text[i] == KIND_UDP ? KEPT_UDP : KEPT_PINS);
	}
	while (used < n_fds)
		close(fds[used++]);
	return 0;
}

/* Reads the answer to its newline. 0, -EPERM with its words in `error`, or another negative errno.
 */
static int receive_answer(int fd, unsigned *sockets, char error[ERROR_MAX])
{
	char text[ERROR_MAX];
	int fds[AT_ONCE], r = 0;
	bool refused = false, ended = false;
	unsigned n_fds;
	size_t len = 0, all = 0;

	*sockets = 0;
	for (bool first = true; !ended && !r; first = false) {
		ssize_t n = receive_some(fd, text, sizeof(text), fds, &n_fds);

		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		all += (size_t)n;
		if (first)
			refused = *text == '{';
		ended = memchr(text, '\n', (size_t)n);
		r = keep(text, refused ? 0 : (size_t)n, fds, n_fds, sockets);
		if (!ended && all > ANSWER_MAX)
			r = -EPROTO;
		for (ssize_t i = 0; refused && i < n && text[i] != '\n' && len < ERROR_MAX - 1; i++)
			error[len++] = text[i];
	}
	error[len] = '\0';
	return refused ? -EPERM : r;
}

int handover_take(const char *path)
{
	char error[ERROR_MAX] = "";
	struct handover_peer peer;
	unsigned sockets;
	int fd = path ? control_connect(path) : -ENOENT, r;

	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		log_info("no agent answers at %s: there is none to take over from",
			 path ? path : "control.socket");
		return -1;
	}
	r = fd < 0 ? fd : 0;
	if (!r && send(fd, HANDOVER_REQUEST "\n", strlen(HANDOVER_REQUEST) + 1, MSG_NOSIGNAL) < 0)
		r = -errno;
	if (!r)
		r = receive_answer(fd, &sockets, error);
	if (!r) {
		peer = peer_of(fd);
		log_info("taking over from the agent that runs (process %d): %u UDP sockets",
			 peer.pid, sockets);
		return fd;
	}
	log_warning("nothing is taken over from the agent at %s: %s", path,
		    *error ? error : strerror(-r));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool handover_finish(int fd, unsigned seconds)
{
	const struct handover_peer peer = peer_of(fd);
	const uint64_t from = clock_monotonic_ms(), until = from + seconds * UINT64_C(1000);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool ended = send(fd, STOP, strlen(STOP), MSG_NOSIGNAL) < 0;
	char byte;

	for (uint64_t now = from; !ended && now < until; now = clock_monotonic_ms())
		ended = poll(&p, 1, (int)(until - now)) > 0 &&
			recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
	close(fd);
	if (ended)
		log_info("the agent before this one has ended after %llu ms",
			 (unsigned long long)(clock_monotonic_ms() - from));
	else
		log_warning(
			"the agent before this one (process %d) has not ended within %u s: going "
			"on without waiting; end it with kill -KILL if it stays",
			peer.pid, seconds);
	return ended;
}

bool handover_allowed(int fd, struct handover_peer *peer, struct buffer *reply)
{
	*peer = peer_of(fd);
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	buffer_format(reply,
		      "{\"error\":\"only root and the user %u, as whom it runs, may take over from "
		      "this agent\"}",
		      geteuid());
	return false;
}

/* A message of n letters with their descriptors. The queue of a connection that is new takes it, or
 * the peer is none that we wait for. */
static int give_some(int fd, const char *letters, const int *fds, unsigned n)
{
	union ancillary control = {0};
	struct iovec part = {(char *)letters, n};
	struct msghdr m = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n);
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n ? 0
									  : -(errno ? errno : EIO);
}

int handover_give(int fd, const int *udp, unsigned n, int pins)
{
	char letters[AT_ONCE];
	int r = 0;

	errno = 0;
	memset(letters, KIND_UDP, sizeof(letters));
	for (unsigned i = 0; i < n && !r; i += AT_ONCE)
		r = give_some(fd, letters, udp + i, n - i < AT_ONCE ? n - i : AT_ONCE);
	letters[0] = KIND_PINS;
	if (!r && pins >= 0)
		r = give_some(fd, letters, &pins, 1);
	if (!r && send(fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		r = -errno;
	return r;
}

enum handover_word handover_heard(int fd)
{
	char text[sizeof(STOP) - 1];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return HANDOVER_NOTHING;
	return n == sizeof(text) && !memcmp(text, STOP, sizeof(text)) ? HANDOVER_STOP
								      : HANDOVER_GONE;
}
