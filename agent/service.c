/* What the service manager is told.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kept.h"
#include "service.h"

enum { FIRST = 3 }; /* SD_LISTEN_FDS_START */

/* Of the main thread. Open before the filter of system calls is in force, which lets nobody make
 * such sockets. */
static int teller = -1;

static void tell(const char *state, int passed)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec text = {(char *)state, strlen(state)};
	struct msghdr message = {.msg_name = &sa, .msg_iov = &text, .msg_iovlen = 1};

	if (len < 2 || len >= sizeof(sa.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0'; /* an abstract name */
	message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (passed >= 0) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));
	}
	if (teller < 0)
		teller = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Nobody can be told if this fails; the manager's own timeout tells. */
	if (teller >= 0)
		(void)!sendmsg(teller, &message, MSG_NOSIGNAL);
}

void service_notify(const char *state)
{
	tell(state, -1);
}

void service_keep(int fd, const char *name)
{
	char state[128];

	/* FDPOLL=0: an ICMP error of an exporter is no reason to forget the socket. */
	snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	tell(state, fd);
}

void service_forget(const char *name)
{
	char state[128];

	snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	tell(state, -1);
}

static unsigned long number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text && *text >= '0' && *text <= '9' ? strtoul(text, NULL, 10) : 0;
}

void service_open(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	unsigned long n = number_of("LISTEN_FDS");

	if (teller < 0 && getenv("NOTIFY_SOCKET"))
		teller = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (number_of("LISTEN_PID") != (unsigned long)getpid())
		return;
	for (unsigned i = 0; i < n && i < KEPT_MAX && names; i++) {
		size_t len = strcspn(names, ":");
		bool ours = len == strlen(KEPT_UDP) && !strncmp(names, KEPT_UDP, len);

		if (ours && !fcntl(FIRST + (int)i, F_SETFD, FD_CLOEXEC))
			kept_add(FIRST + (int)i, KEPT_UDP);
		else
			close(FIRST + (int)i);
		names += len;
		names = *names ? names + 1 : NULL;
	}
	unsetenv("LISTEN_PID");
}

uint64_t service_watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	unsigned long long v;

	if (!usec || *usec < '0' || *usec > '9' || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	v = strtoull(usec, &end, 10);
	return *end || v > UINT64_MAX / 1000 ? 0 : v * 1000;
}
