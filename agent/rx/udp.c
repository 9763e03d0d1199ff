/* Datagrams from UDP sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "../clock.h"
#include "../kept.h"
#include "../log.h"
#include "../service.h"
#include "allow.h"
#include "reuseport.skel.h"
#include "udp.h"

enum {
	SOCKETS_MAX = RX_PORTS_MAX * RX_ADDRESSES_MAX, /* of one worker */
	/* Buffers lie this far apart, so that their beginnings do not all fall into the same sets
	 * of the processor's caches. */
	BUFFER = RX_DATAGRAM_MAX + 1 + 3 * 64,
	CONTROL = 64, /* holds one in6_pktinfo */
};

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct udp_socket {
	int fd; /* -1: a place that is free */
	uint16_t port;
	uint32_t dropped_before; /* by an agent that had it before us */
	struct ip_addr local;	 /* unset: any, each datagram tells */
};

struct udp {
	const struct udp_group *group;
	int epoll;
	unsigned n_sockets;
	unsigned turn;	  /* which of the readable sockets is first */
	uint64_t dropped; /* at sockets that are closed */
	struct udp_socket *sockets;
	struct mmsghdr messages[RX_BATCH];
	struct iovec parts[RX_BATCH];
	union socket_address from[RX_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[RX_BATCH][CONTROL];
	uint8_t *buffers;
};

struct udp_group {
	unsigned workers;
	bool running; /* what is opened now comes late, without the privileges of the start */
	enum udp_steering steering;
	struct allow_list *allow; /* RCU */
	struct udp *of;
	struct reuseport **programs; /* one for each address and port */
	unsigned n_programs;
};

static void address_of(union socket_address *sa, const struct ip_addr *a, int family, uint16_t port)
{
	memset(sa, 0, sizeof(*sa));
	if (family == AF_INET) {
		sa->v4.sin_family = AF_INET;
		sa->v4.sin_port = htons(port);
		if (!ip_is_unset(a))
			memcpy(&sa->v4.sin_addr, a->b + 12, 4);
	} else {
		sa->v6.sin6_family = AF_INET6;
		sa->v6.sin6_port = htons(port);
		memcpy(&sa->v6.sin6_addr, a->b, 16);
	}
}

/* SO_RCVBUFFORCE passes net.core.rmem_max by; it needs CAP_NET_ADMIN. */
static void set_buffer(int fd, uint32_t bytes)
{
	static uint64_t said;
	int size = bytes < INT32_MAX ? (int)bytes : INT32_MAX, got = 0;
	socklen_t len = sizeof(got);

	if (!bytes || !setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len) && got / 2 < size &&
	    log_allowed(&said, 60))
		log_warning("UDP socket buffers are %d bytes, not %d: raise sysctl "
			    "net.core.rmem_max or give weir CAP_NET_ADMIN",
			    got / 2, size);
}

/* A bound socket, or a negative errno. `shared`: others will have the same address. */
static int bound_socket(const struct ip_addr *local, int family, uint16_t port, bool shared)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, err;
	union socket_address sa;

	if (fd < 0)
		return -errno;
	address_of(&sa, local, family, port);
	if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))) ||
	    (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    (ip_is_unset(local) &&
	     setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof(on))) ||
	    bind(fd, &sa.any, family == AF_INET ? sizeof(sa.v4) : sizeof(sa.v6))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Without the right to load programs: a classic one, which anybody may attach. It can only hash the
 * source address: ld [network header + offset]; mul; rsh; mod workers; ret. */
static int steer_by_source(int fd, int family, unsigned workers)
{
	const uint32_t net = (uint32_t)SKF_NET_OFF;
	struct sock_filter v4[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter v6[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 8),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 16),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 20),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {sizeof(v4) / sizeof(*v4), v4};

	if (family == AF_INET6)
		program = (struct sock_fprog){sizeof(v6) / sizeof(*v6), v6};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program))
		       ? -errno
		       : 0;
}

/* Loads the program for one group of sockets, puts them into its table and attaches it. */
static int steer_by_stream(struct udp_group *g, const int *fds, int streams_fd)
{
	struct reuseport *program = reuseport__open();
	int err, fd;

	if (!program)
		return -errno;
	g->programs[g->n_programs++] = program;
	program->rodata->workers = g->workers;
	err = bpf_map__set_max_entries(program->maps.sockets, g->workers);
	if (!err && streams_fd >= 0)
		err = bpf_map__reuse_fd(program->maps.streams, streams_fd);
	if (!err)
		err = reuseport__load(program);
	for (unsigned w = 0; !err && w < g->workers; w++) {
		uint64_t value = (uint64_t)fds[w];

		err = bpf_map_update_elem(bpf_map__fd(program->maps.sockets), &w, &value, BPF_ANY);
	}
	if (err)
		return err;
	fd = bpf_program__fd(program->progs.reuseport);
	return setsockopt(fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &fd, sizeof(fd)) ? -errno
											 : 0;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static int steer(struct udp_group *g, const int *fds, int family, int streams_fd)
{
	libbpf_print_fn_t before;
	int err;

	if (g->workers == 1)
		return 0;
	if (g->steering != UDP_STEER_SOURCE) {
		/* Failing for want of privileges is foreseen: no pages of libbpf about it. */
		before = libbpf_set_print(quiet);
		err = g->n_programs < SOCKETS_MAX ? steer_by_stream(g, fds, streams_fd) : -ENOSPC;
		libbpf_set_print(before);
		if (!err) {
			g->steering = UDP_STEER_STREAM;
			return 0;
		}
		if (g->steering == UDP_STEER_STREAM && !g->running)
			return err;
		log_info("UDP: the reuseport program cannot be loaded (%s); exporters are kept on "
			 "their worker by source address",
			 strerror(-err));
		g->steering = UDP_STEER_SOURCE;
	}
	return steer_by_source(fds[0], family, g->workers);
}

struct wanted {
	union socket_address address;
	bool shared;
	int fd; /* what was found, or -1 */
};

/* Whether a socket that was kept is the one that would be opened now. */
static bool is_wanted(int fd, void *arg)
{
	struct wanted *w = arg;
	union socket_address sa;
	socklen_t len = sizeof(sa), int_len = sizeof(int);
	int type = 0, shared = 0;
	bool same;

	if (w->fd >= 0)
		return false;
	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, &sa.any, &len) || sa.any.sa_family != w->address.any.sa_family ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_len) || type != SOCK_DGRAM ||
	    getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, &int_len) || !shared == w->shared)
		return false;
	if (sa.any.sa_family == AF_INET)
		same = sa.v4.sin_port == w->address.v4.sin_port &&
		       sa.v4.sin_addr.s_addr == w->address.v4.sin_addr.s_addr;
	else
		same = sa.v6.sin6_port == w->address.v6.sin6_port &&
		       !memcmp(&sa.v6.sin6_addr, &w->address.v6.sin6_addr, 16);
	if (same)
		w->fd = fd;
	return same;
}

/* A socket that the agent before us had, with what has come since; -1: there is none. */
static int kept_socket(const struct ip_addr *local, int family, uint16_t port, bool shared)
{
	struct wanted w = {.shared = shared, .fd = -1};

	address_of(&w.address, local, family, port);
	kept_take(KEPT_UDP, is_wanted, &w);
	return w.fd;
}

static uint32_t dropped_at(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) ? 0 : info[SK_MEMINFO_DROPS];
}

static unsigned free_place(const struct udp *u)
{
	unsigned i = 0;

	while (i < u->n_sockets && u->sockets[i].fd >= 0)
		i++;
	return i;
}

/* The sockets of all workers for one address and port. -EAFNOSUPPORT: no such family here. */
static int open_listener(struct udp_group *g, const struct ip_addr *local, int family,
			 uint16_t port, const struct rx_options *o, int streams_fd)
{
	const bool shared = g->workers > 1;
	int fds[RX_WORKERS_MAX], fd = kept_socket(local, family, port, shared);
	struct epoll_event event = {.events = EPOLLIN};

	/* Sharing is among our workers: a probe finds out whether somebody else is there, who would
	 * take a part of the datagrams. With a socket that was kept for us it would find that. */
	if (fd < 0) {
		int probe = bound_socket(local, family, port, false);

		if (probe < 0)
			return probe;
		close(probe);
	}
	for (unsigned w = 0; w < g->workers; w++) {
		struct udp *u = &g->of[w];

		if (w > 0)
			fd = kept_socket(local, family, port, shared);
		if (fd < 0)
			fd = bound_socket(local, family, port, shared);
		if (fd < 0)
			return fd;
		set_buffer(fd, o->socket_buffer);
		fds[w] = fd;
		event.data.u32 = free_place(u);
		u->sockets[event.data.u32] = (struct udp_socket){
			.fd = fd, .port = port, .dropped_before = dropped_at(fd), .local = *local};
		if (event.data.u32 == u->n_sockets)
			__atomic_store_n(&u->n_sockets, u->n_sockets + 1, __ATOMIC_RELEASE);
		if (epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &event))
			return -errno;
	}
	return steer(g, fds, family, streams_fd);
}

static int init_worker(struct udp_group *g, struct udp *u)
{
	u->group = g;
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	u->sockets = calloc(SOCKETS_MAX, sizeof(*u->sockets));
	u->buffers = malloc((size_t)BUFFER * RX_BATCH);
	if (u->epoll < 0)
		return -errno;
	if (!u->sockets || !u->buffers)
		return -ENOMEM;
	for (unsigned i = 0; i < RX_BATCH; i++) {
		u->parts[i].iov_base = u->buffers + (size_t)BUFFER * i;
		u->parts[i].iov_len = RX_DATAGRAM_MAX;
		u->messages[i].msg_hdr.msg_iov = &u->parts[i];
		u->messages[i].msg_hdr.msg_iovlen = 1;
		u->messages[i].msg_hdr.msg_name = &u->from[i];
		u->messages[i].msg_hdr.msg_control = u->control[i];
	}
	return 0;
}

static void describe(char *error, size_t size, int err, const struct ip_addr *local, int family,
		     uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (family == AF_INET)
		inet_ntop(AF_INET, local->b + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, local->b, text, sizeof(text));
	snprintf(error, size, "UDP port %u of %s%s%s: %s%s", port, family == AF_INET6 ? "[" : "",
		 text, family == AF_INET6 ? "]" : "", strerror(-err),
		 err == -EADDRINUSE ? "; `ss -lunp` shows who has it" : "");
}

/* At all local addresses. */
static int open_port(struct udp_group *g, uint16_t port, const struct rx_options *o, int streams_fd,
		     char *error, size_t size)
{
	static const struct ip_addr any;
	unsigned n = o->n_addresses ? o->n_addresses : 2;

	for (unsigned i = 0; i < n; i++) {
		const struct ip_addr *local = o->n_addresses ? &o->addresses[i] : &any;
		int family = o->n_addresses ? ip_is_v4(local) ? AF_INET : AF_INET6
			     : i	    ? AF_INET6
					    : AF_INET;
		int err = open_listener(g, local, family, port, o, streams_fd);

		if (err == -EAFNOSUPPORT && !o->n_addresses && family == AF_INET6)
			continue; /* a kernel without IPv6 */
		if (err) {
			describe(error, size, err, local, family, port);
			return err;
		}
	}
	return 0;
}

int udp_open(struct udp_group **out, const struct rx_options *o, unsigned workers, int streams_fd,
	     char *error, size_t size)
{
	struct udp_group *g = calloc(1, sizeof(*g));
	int err = -ENOMEM;

	*out = NULL;
	if (!g)
		goto out_of_memory;
	g->workers = workers;
	g->of = calloc(workers, sizeof(*g->of));
	g->programs = calloc(SOCKETS_MAX, sizeof(*g->programs));
	g->allow = allow_list_new(o->allow, o->n_allow);
	if (!g->of || !g->programs || !g->allow)
		goto out_of_memory;
	for (unsigned w = 0; w < workers; w++)
		g->of[w].epoll = -1;
	for (unsigned w = 0; w < workers; w++) {
		err = init_worker(g, &g->of[w]);
		if (err)
			goto out_of_memory;
	}
	for (unsigned p = 0; p < o->n_ports; p++) {
		err = open_port(g, o->ports[p], o, streams_fd, error, size);
		if (err) {
			udp_close(g);
			return err;
		}
	}
	g->running = true;
	*out = g;
	return 0;

out_of_memory:
	snprintf(error, size, "UDP sockets: %s", strerror(-err));
	udp_close(g);
	return err;
}

void udp_close(struct udp_group *g)
{
	if (!g)
		return;
	for (unsigned w = 0; g->of && w < g->workers; w++) {
		struct udp *u = &g->of[w];

		for (unsigned i = 0; i < u->n_sockets; i++)
			if (u->sockets[i].fd >= 0)
				close(u->sockets[i].fd);
		if (u->epoll >= 0)
			close(u->epoll);
		free(u->sockets);
		free(u->buffers);
	}
	for (unsigned i = 0; i < g->n_programs; i++)
		reuseport__destroy(g->programs[i]);
	free(g->programs);
	free(g->of);
	free(g->allow);
	free(g);
}

struct udp *udp_of_worker(struct udp_group *g, unsigned worker)
{
	return &g->of[worker];
}

enum udp_steering udp_steering(const struct udp_group *g)
{
	return g->steering;
}

int udp_set_allow(struct udp_group *g, const struct rx_prefix *allow, unsigned n)
{
	struct allow_list *list = allow_list_new(allow, n), *before;

	if (!list)
		return -ENOMEM;
	before = __atomic_exchange_n(&g->allow, list, __ATOMIC_ACQ_REL);
	synchronize_rcu();
	free(before);
	return 0;
}

/* Sender and, where the socket takes any address, the address it was sent to. */
static void read_addresses(struct datagram *dg, const union socket_address *from,
			   struct msghdr *header, const struct udp_socket *s)
{
	if (from->any.sa_family == AF_INET) {
		ip_from_v4(&dg->src, &from->v4.sin_addr);
		dg->src_port = ntohs(from->v4.sin_port);
	} else {
		memcpy(dg->src.b, &from->v6.sin6_addr, 16);
		dg->src_port = ntohs(from->v6.sin6_port);
	}
	dg->dst = s->local;
	dg->dst_port = s->port;
	if (!ip_is_unset(&s->local))
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ip_from_v4(&dg->dst, &info.ipi_addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(dg->dst.b, &info.ipi6_addr, 16);
		}
	}
}

/* Fills buffers from `first` on; returns how many were filled. */
static unsigned receive_from(struct udp *u, const struct udp_socket *s, unsigned first,
			     unsigned max)
{
	static uint64_t said;
	int n;

	for (unsigned i = first; i < max; i++) {
		u->messages[i].msg_hdr.msg_namelen = sizeof(u->from[i]);
		u->messages[i].msg_hdr.msg_controllen = ip_is_unset(&s->local) ? CONTROL : 0;
	}
	n = recvmmsg(s->fd, u->messages + first, max - first, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR && log_allowed(&said, 60))
		log_warning("UDP port %u: %s", s->port, strerror(errno));
	return n > 0 ? (unsigned)n : 0;
}

unsigned udp_receive(struct udp *u, struct datagram *out, unsigned max, struct account *account)
{
	const struct allow_list *allow = __atomic_load_n(&u->group->allow, __ATOMIC_ACQUIRE);
	struct epoll_event ready[RX_BATCH];
	unsigned filled = 0, n = 0;
	uint64_t bytes = 0, now;
	int n_ready;

	max = max < RX_BATCH ? max : RX_BATCH;
	n_ready = epoll_wait(u->epoll, ready, RX_BATCH, 0);
	if (n_ready <= 0)
		return 0;
	now = clock_real_ns();
	u->turn++; /* one socket that is never empty must not keep out the others */
	for (int r = 0; r < n_ready && filled < max; r++) {
		unsigned i_ready = (u->turn + (unsigned)r) % (unsigned)n_ready;
		const struct udp_socket *s = &u->sockets[ready[i_ready].data.u32];
		unsigned first = filled;

		filled += receive_from(u, s, first, max);
		for (unsigned i = first; i < filled; i++) {
			struct datagram *dg = &out[n];

			if (u->messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
				account_add(account, ACCOUNT_RX_TRUNCATED, 1);
				continue;
			}
			read_addresses(dg, &u->from[i], &u->messages[i].msg_hdr, s);
			if (!allow_list_has(allow, &dg->src)) {
				account_add(account, ACCOUNT_RX_DENIED, 1);
				continue;
			}
			dg->data = u->parts[i].iov_base;
			dg->len = u->messages[i].msg_len;
			dg->received_ns = now;
			dg->via = VIA_UDP;
			bytes += dg->len;
			n++;
		}
	}
	account_add(account, ACCOUNT_RX_UDP, n);
	account_add(account, ACCOUNT_RX_BYTES, bytes);
	return n;
}

void udp_release(struct udp *u)
{
	(void)u; /* the next udp_receive() overwrites the buffers */
}

int udp_fd(struct udp *u)
{
	return u->epoll;
}

/* Since we have the socket; the kernel's count wraps. */
static uint32_t dropped_of(const struct udp_socket *s)
{
	return dropped_at(s->fd) - s->dropped_before;
}

uint64_t udp_dropped(const struct udp *u)
{
	uint64_t sum = __atomic_load_n(&u->dropped, __ATOMIC_RELAXED);
	unsigned n = __atomic_load_n(&u->n_sockets, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++)
		if (u->sockets[i].fd >= 0)
			sum += dropped_of(&u->sockets[i]);
	return sum;
}

void udp_keep(const struct udp_group *g)
{
	service_forget(KEPT_UDP);
	for (unsigned w = 0; w < g->workers; w++)
		for (unsigned i = 0; i < g->of[w].n_sockets; i++)
			if (g->of[w].sockets[i].fd >= 0)
				service_keep(g->of[w].sockets[i].fd, KEPT_UDP);
}

unsigned udp_sockets(const struct udp_group *g, int *to, unsigned max)
{
	unsigned n = 0;

	for (unsigned w = 0; w < g->workers; w++)
		for (unsigned i = 0; i < g->of[w].n_sockets && n < max; i++)
			if (g->of[w].sockets[i].fd >= 0)
				to[n++] = g->of[w].sockets[i].fd;
	return n;
}

bool udp_has_port(const struct udp_group *g, uint16_t port)
{
	const struct udp *u = &g->of[0];

	for (unsigned i = 0; i < u->n_sockets; i++)
		if (u->sockets[i].fd >= 0 && u->sockets[i].port == port)
			return true;
	return false;
}

void udp_drop_port(struct udp_group *g, uint16_t port)
{
	for (unsigned w = 0; w < g->workers; w++)
		for (unsigned i = 0; i < g->of[w].n_sockets; i++)
			if (g->of[w].sockets[i].fd >= 0 && g->of[w].sockets[i].port == port)
				epoll_ctl(g->of[w].epoll, EPOLL_CTL_DEL, g->of[w].sockets[i].fd,
					  NULL);
	synchronize_rcu(); /* no worker receives from them any more */
	for (unsigned w = 0; w < g->workers; w++) {
		struct udp *u = &g->of[w];

		for (unsigned i = 0; i < u->n_sockets; i++) {
			int fd = u->sockets[i].fd;

			if (fd < 0 || u->sockets[i].port != port)
				continue;
			__atomic_store_n(&u->dropped, u->dropped + dropped_of(&u->sockets[i]),
					 __ATOMIC_RELAXED);
			u->sockets[i].fd = -1;
			close(fd);
		}
	}
}

int udp_add_port(struct udp_group *g, uint16_t port, const struct rx_options *o, int streams_fd,
		 char *error, size_t size)
{
	int err = open_port(g, port, o, streams_fd, error, size);

	if (err)
		udp_drop_port(g, port);
	return err;
}
