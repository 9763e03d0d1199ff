/* Whether an interface that was removed is back.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"

#define STABLE_NS 2000000000ull

struct question {
	struct nlmsghdr head;
	struct ifinfomsg link;
	struct rtattr attribute;
	char name[IFNAMSIZ];
};

/* The kernel tells more of an interface than this; what is beyond is cut off and not missed. */
struct answer {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct nlmsgerr error;
	};
};

/* The answer is there when send() returns: recv() never has to wait. */
static int ask(int fd, const char *name, struct answer *answer)
{
	struct question q = {
		.head = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_family = AF_UNSPEC},
		.attribute = {.rta_type = IFLA_IFNAME},
	};
	size_t len = strnlen(name, sizeof(q.name));
	ssize_t n;

	if (len == sizeof(q.name))
		return -ENAMETOOLONG;
	memcpy(q.name, name, len);
	q.attribute.rta_len = (unsigned short)RTA_LENGTH(len + 1);
	q.head.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(q.link)) +
				      RTA_ALIGN(q.attribute.rta_len));
	if (send(fd, &q, q.head.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, answer, sizeof(*answer), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return n < (ssize_t)sizeof(*answer) ? -EPROTO : 0;
}

int link_up(const char *name)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), r;
	struct answer a;

	if (fd < 0)
		return -errno;
	r = ask(fd, name, &a);
	close(fd);
	if (r)
		return r;
	if (a.head.nlmsg_type == NLMSG_ERROR)
		return a.error.error == -ENODEV ? 0 : a.error.error;
	if (a.head.nlmsg_type != RTM_NEWLINK)
		return -EPROTO;
	return a.link.ifi_flags & IFF_UP ? a.link.ifi_index : 0;
}

int link_is_back(struct link_watch *w, const char *name, uint64_t now_ns)
{
	int index = link_up(name);

	if (index != w->index || index <= 0) {
		w->index = index > 0 ? index : 0;
		w->since_ns = now_ns;
	}
	if (index < 0)
		return index;
	return index && now_ns - w->since_ns >= STABLE_NS;
}
