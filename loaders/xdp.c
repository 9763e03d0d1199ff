/* Loading and attaching the XDP program.
 * SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../agent/log.h"
#include "steer.skel.h"
#include "xdp_pins.h"

enum {
	ETHERNET_OVERHEAD = 22, /* header and two VLAN tags */
	EXPORTERS_MIN = 1024,	/* an LRU map keeps entries aside for each CPU */
};

struct interface {
	char name[RX_INTERFACE_NAME];
	int index;
	unsigned mtu, queues, worker_base;
	struct steer *skel;
	int link;
	bool frags;
	bool attached_here; /* by this process, not taken over */
	enum rx_mode mode;
};

struct xdp {
	struct pins pins;
	int maps[XDP_MAP_MAX];
	unsigned n_interfaces;
	struct interface interfaces[RX_INTERFACES_MAX];
	char *error;
	size_t error_size;
};

#define fail(x, code, ...) xdp_fail((x)->error, (x)->error_size, code, __VA_ARGS__)

__attribute__((format(printf, 2, 0))) static int print_debug(enum libbpf_print_level level,
							     const char *format, va_list ap)
{
	char *text, *line, *rest;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	n = vasprintf(&text, format, ap);
	if (n < 0)
		return n;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_debug("%s", line);
	free(text);
	return n;
}

/* The names of the capabilities that the program needs and this process lacks; "" if none. */
static void missing_capabilities(char *out, size_t size)
{
	static const struct {
		unsigned bit, instead; /* of capability `instead` either will do */
		const char *name;
	} needed[] = {{CAP_BPF, CAP_SYS_ADMIN, "CAP_BPF"},
		      {CAP_NET_ADMIN, CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		      {CAP_NET_RAW, CAP_NET_RAW, "CAP_NET_RAW"}};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	uint64_t have;
	size_t n = 0;

	*out = '\0';
	if (syscall(SYS_capget, &header, data) < 0)
		return;
	have = data[0].effective | (uint64_t)data[1].effective << 32;
	for (unsigned i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!(have & (1ull << needed[i].bit | 1ull << needed[i].instead)) && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "",
					      needed[i].name);
}

/* Receive queues in use. Asked of the driver and not of sysfs, which may show another network
 * namespace. */
static unsigned count_queues(int sock, const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_rxnfc rings = {.cmd = ETHTOOL_GRXRINGS};
	struct ifreq ifr = {};
	unsigned n = 0;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_data = (void *)&channels;
	if (ioctl(sock, SIOCETHTOOL, &ifr) == 0)
		n = channels.rx_count + channels.combined_count;
	ifr.ifr_data = (void *)&rings;
	if (!n && ioctl(sock, SIOCETHTOOL, &ifr) == 0)
		n = (unsigned)rings.data;
	if (!n)
		return 1;
	return n < STEER_QUEUES_MAX ? n : STEER_QUEUES_MAX;
}

static int look_at_interface(struct xdp *x, struct interface *i, const char *name)
{
	struct ifreq ifr = {};
	int sock, r = 0;

	snprintf(i->name, sizeof(i->name), "%s", name);
	i->index = (int)if_nametoindex(name);
	if (!i->index)
		return fail(x, ENODEV, "no interface '%s': `ip link` lists them", name);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return fail(x, errno, "cannot open a socket: %s", strerror(errno));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFMTU, &ifr) < 0)
		r = fail(x, errno, "cannot read the MTU of %s: %s", name, strerror(errno));
	i->mtu = (unsigned)ifr.ifr_mtu;
	i->queues = count_queues(sock, name);
	close(sock);
	return r;
}

/* Takes over a pinned map where it has the shape the program expects. */
static int reuse_map(struct xdp *x, struct bpf_map *map, int fd, const char *pin)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	const char *name = bpf_map__name(map);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return fail(x, errno, "cannot read what %s is: %s", pin, strerror(errno));
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map))
		return fail(
			x, ESTALE,
			"pinned map %s is of another version of weir: `weir xdp detach` removes "
			"it with its counts",
			pin);
	if (info.max_entries != bpf_map__max_entries(map))
		return fail(x, ESTALE,
			    "pinned map %s has room for %u entries, the settings ask for %u: `weir "
			    "xdp detach` removes it with its counts, or set it back",
			    pin, info.max_entries, bpf_map__max_entries(map));
	if (bpf_map__reuse_fd(map, fd) < 0)
		return fail(x, errno, "cannot use pinned map %s (%s): %s", pin, name,
			    strerror(errno));
	return 0;
}

static int reuse_pinned(struct xdp *x, struct bpf_map *map, const char *interface)
{
	char pin[PIN_PATH_MAX];
	int fd, r = pins_path(pin, x->pins.path, interface, bpf_map__name(map));

	if (r < 0)
		return fail(x, -r, "pin path too long");
	fd = bpf_obj_get(pin);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : fail(x, errno, "cannot open pinned map %s: %s", pin,
					      strerror(errno));
	r = reuse_map(x, map, fd, pin);
	close(fd);
	return r;
}

static int pin(struct xdp *x, int fd, const char *interface, const char *name)
{
	char path[PIN_PATH_MAX];
	int r = pins_path(path, x->pins.path, interface, name);

	if (r < 0)
		return fail(x, -r, "pin path too long");
	if (bpf_obj_pin(fd, path) < 0 && errno != EEXIST)
		return fail(x, errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

static int size_maps(struct steer *skel, const struct rx_options *o)
{
	struct bpf_map *sized[] = {skel->maps.exporters, skel->maps.buckets, skel->maps.streams};
	uint32_t n = o->max_exporters > EXPORTERS_MIN ? o->max_exporters : EXPORTERS_MIN;
	int r = 0;

	for (unsigned i = 0; i < sizeof(sized) / sizeof(*sized) && r == 0; i++)
		r = bpf_map__set_max_entries(sized[i], n);
	return r;
}

static int load(struct xdp *x, struct interface *i, const struct rx_options *o)
{
	unsigned room = o->frame_size - STEER_XDP_HEADROOM;
	char path[PIN_PATH_MAX];
	struct bpf_map *map;
	int r;

	i->frags = i->mtu + ETHERNET_OVERHEAD > room || i->mtu > STEER_PLAIN_MTU_MAX;
	i->skel = steer__open();
	if (!i->skel)
		return fail(x, errno, "cannot read the XDP program: %s", strerror(errno));
	i->skel->rodata->worker_base = i->worker_base;
	i->skel->rodata->max_frame = i->frags ? RX_DATAGRAM_MAX : room;
	bpf_program__set_autoload(i->skel->progs.steer, !i->frags);
	bpf_program__set_autoload(i->skel->progs.steer_frags, i->frags);
	if (size_maps(i->skel, o) < 0)
		return fail(x, EINVAL, "cannot have room for %u exporters", o->max_exporters);
	for (unsigned m = 0; m < XDP_MAP_MAX; m++) {
		map = bpf_object__find_map_by_name(i->skel->obj, xdp_map_name(m));
		r = x->maps[m] < 0 ? reuse_pinned(x, map, NULL)
				   : reuse_map(x, map, x->maps[m], xdp_map_name(m));
		if (r < 0)
			return r;
	}
	if (pins_path(path, x->pins.path, i->name, NULL) < 0 ||
	    (mkdir(path, 0700) < 0 && errno != EEXIST))
		return fail(x, errno, "cannot make %s: %s", path, strerror(errno));
	r = reuse_pinned(x, i->skel->maps.xsks, i->name);
	if (r < 0)
		return r;
	r = steer__load(i->skel);
	if (r < 0)
		return fail(x, -r, "the kernel refused the XDP program: %s%s", strerror(-r),
			    r == -EPERM ? " (is bpf() allowed in this container?)"
					: " (weir needs Linux 5.18; log level debug tells more)");
	for (unsigned m = 0; m < XDP_MAP_MAX; m++) {
		map = bpf_object__find_map_by_name(i->skel->obj, xdp_map_name(m));
		r = x->maps[m] < 0 ? pin(x, bpf_map__fd(map), NULL, xdp_map_name(m)) : 0;
		if (r < 0)
			return r;
		x->maps[m] = x->maps[m] < 0 ? bpf_map__fd(map) : x->maps[m];
	}
	return pin(x, bpf_map__fd(i->skel->maps.xsks), i->name, "xsks");
}

static int program_fd(const struct interface *i)
{
	return bpf_program__fd(i->frags ? i->skel->progs.steer_frags : i->skel->progs.steer);
}

/* Puts the new program behind a link that an earlier weir pinned. Returns 1 where that was done, 0
 * where there is no such link, or it is of no use and has been removed. */
static int update_pinned_link(struct xdp *x, struct interface *i, enum rx_mode mode)
{
	struct bpf_link_info info = {};
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	uint32_t size = sizeof(info);
	char path[PIN_PATH_MAX];

	if (pins_path(path, x->pins.path, i->name, "link") < 0)
		return 0;
	i->link = bpf_obj_get(path);
	if (i->link < 0)
		return 0;
	/* The kernel lets go of the interface when it disappears; another may have its name now. */
	if (bpf_obj_get_info_by_fd(i->link, &info, &size) < 0 || info.type != BPF_LINK_TYPE_XDP ||
	    (int)info.xdp.ifindex != i->index || bpf_xdp_query(i->index, 0, &query) < 0)
		goto useless;
	i->mode = query.attach_mode == XDP_ATTACHED_SKB ? RX_GENERIC : RX_NATIVE;
	if (mode != RX_AUTO && mode != i->mode)
		goto useless;
	if (bpf_link_update(i->link, program_fd(i), NULL) < 0) {
		log_warning("%s: could not replace the program in place (%s), attaching anew",
			    i->name, strerror(errno));
		goto useless;
	}
	return 1;
useless:
	unlink(path);
	close(i->link);
	i->link = -1;
	return 0;
}

static int attach_failed(struct xdp *x, const struct interface *i, int code, const char *mode)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	switch (code) {
	case EBUSY:
	case EEXIST:
		if (bpf_xdp_query(i->index, 0, &query) < 0)
			query.prog_id = query.drv_prog_id = 0;
		return fail(
			x, EBUSY,
			"%s: another XDP program (id %u) holds the interface: `bpftool net` shows "
			"whose; `ip link set dev %s xdp off` removes one without a link",
			i->name, query.prog_id, i->name);
	case ERANGE:
		return fail(x, ERANGE,
			    "%s: MTU %u of it or its peer is too large for %s XDP on this driver: "
			    "lower it, or allow generic mode",
			    i->name, i->mtu, mode);
	case EOPNOTSUPP:
		return fail(x, EOPNOTSUPP,
			    "%s: the driver has no %s XDP%s: allow generic mode, or UDP sockets",
			    i->name, mode, i->frags ? " for frames in several parts" : "");
	case ENOSPC:
		return fail(
			x, ENOSPC,
			"%s: too few receive queues for XDP (a veth needs as many as its peer has "
			"transmit queues): ethtool -L",
			i->name);
	case EPERM:
		return fail(x, EPERM, "%s: attaching XDP is not permitted here: CAP_NET_ADMIN",
			    i->name);
	default:
		return fail(x, code, "%s: cannot attach in %s mode (MTU %u): %s", i->name, mode,
			    i->mtu, strerror(code));
	}
}

static int attach(struct xdp *x, struct interface *i, enum rx_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	const bool try[] = {mode != RX_GENERIC, mode != RX_NATIVE};
	static const char *const names[] = {"native", "generic"};
	int r = 0;

	if (update_pinned_link(x, i, mode))
		return 0;
	for (unsigned m = 0; m < 2; m++) {
		if (!try[m])
			continue;
		opts.flags = m == 0 ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
		i->link = bpf_link_create(program_fd(i), i->index, BPF_XDP, &opts);
		if (i->link >= 0) {
			i->mode = m == 0 ? RX_NATIVE : RX_GENERIC;
			i->attached_here = true;
			return pin(x, i->link, i->name, "link");
		}
		r = attach_failed(x, i, errno, names[m]);
		if (r == -EBUSY || r == -EPERM)
			break;
		if (m == 0 && try[1])
			log_warning("%s", x->error);
	}
	return r;
}

static int configure(struct xdp *x, const struct rx_options *o)
{
	int r = xdp_set_listeners(x, o);

	if (r == 0)
		r = xdp_set_allow(x, o->allow, o->n_allow);
	if (r == 0)
		r = xdp_set_rate(x, o->rate_limit, o->rate_burst);
	if (r < 0)
		return fail(x, -r, "cannot set listeners, allow list and rate: %s", strerror(-r));
	return 0;
}

static int check_options(struct xdp *x, const struct rx_options *o)
{
	char missing[64];

	if (!o->n_interfaces || o->n_interfaces > RX_INTERFACES_MAX)
		return fail(x, EINVAL, "XDP needs between 1 and %d interfaces", RX_INTERFACES_MAX);
	missing_capabilities(missing, sizeof(missing));
	if (*missing)
		return fail(x, EPERM,
			    "XDP needs %s, which this process lacks: run it as root, or grant that",
			    missing);
	return 0;
}

static void detach(struct xdp *x, struct interface *i)
{
	pins_remove_interface(x->pins.path, i->name);
	log_info("%s: XDP detached", i->name);
}

/* Undoes what this process did to an interface and leaves what was there before it. */
static void undo(struct xdp *x, struct interface *i)
{
	char path[PIN_PATH_MAX];

	if (i->attached_here ||
	    (pins_path(path, x->pins.path, i->name, "link") == 0 && access(path, F_OK) < 0))
		pins_remove_interface(x->pins.path, i->name);
}

static void close_with(struct xdp *x, void (*each)(struct xdp *x, struct interface *i))
{
	struct pins pins = x->pins;

	/* By the descriptor: the directories above may be closed to the user whom we became. */
	if (x->pins.fd >= 0)
		snprintf(x->pins.path, sizeof(x->pins.path), "/proc/self/fd/%d", x->pins.fd);
	for (unsigned n = 0; n < x->n_interfaces; n++) {
		struct interface *i = &x->interfaces[n];

		if (each)
			each(x, i);
		if (i->link >= 0)
			close(i->link);
		steer__destroy(i->skel);
	}
	if (each && x->pins.fd >= 0)
		pins_remove_shared(x->pins.path);
	pins_close(&pins);
	free(x);
}

void xdp_close(struct xdp *x, bool keep_attached)
{
	if (x)
		close_with(x, keep_attached ? NULL : detach);
}

int xdp_open(struct xdp **out, const struct rx_options *o, char *error, size_t error_size)
{
	struct xdp *x = calloc(1, sizeof(*x));
	unsigned workers = 0;
	int r;

	if (!x)
		return xdp_fail(error, error_size, ENOMEM, "out of memory");
	x->error = error;
	x->error_size = error_size;
	x->pins.fd = -1;
	for (unsigned m = 0; m < XDP_MAP_MAX; m++)
		x->maps[m] = -1;
	libbpf_set_print(print_debug);
	r = check_options(x, o);
	for (unsigned n = 0; n < o->n_interfaces && r == 0; n++)
		r = look_at_interface(x, &x->interfaces[n], o->interfaces[n]);
	if (r == 0)
		r = pins_open(&x->pins, o->pin_path, true, error, error_size);
	for (unsigned n = 0; n < o->n_interfaces && r == 0; n++) {
		struct interface *i = &x->interfaces[n];

		i->link = -1;
		i->worker_base = workers;
		workers += i->queues;
		x->n_interfaces++;
		r = load(x, i, o);
	}
	if (r == 0)
		r = configure(x, o);
	for (unsigned n = 0; n < x->n_interfaces && r == 0; n++)
		r = attach(x, &x->interfaces[n], o->mode);
	for (unsigned n = 0; n < x->n_interfaces && r == 0; n++)
		log_info("%s: XDP attached in %s mode, program %s, %u queue%s",
			 x->interfaces[n].name,
			 x->interfaces[n].mode == RX_NATIVE ? "native" : "generic",
			 x->interfaces[n].frags ? "steer_frags" : "steer", x->interfaces[n].queues,
			 x->interfaces[n].queues == 1 ? "" : "s");
	x->error = NULL;
	if (r < 0) {
		close_with(x, undo);
		return r;
	}
	*out = x;
	return 0;
}

unsigned xdp_interfaces(const struct xdp *x)
{
	return x->n_interfaces;
}

const char *xdp_interface_name(const struct xdp *x, unsigned i)
{
	return x->interfaces[i].name;
}

unsigned xdp_queues(const struct xdp *x, unsigned i)
{
	return x->interfaces[i].queues;
}

unsigned xdp_worker_base(const struct xdp *x, unsigned i)
{
	return x->interfaces[i].worker_base;
}

int xdp_xsks_fd(const struct xdp *x, unsigned i)
{
	return bpf_map__fd(x->interfaces[i].skel->maps.xsks);
}

bool xdp_frags(const struct xdp *x, unsigned i)
{
	return x->interfaces[i].frags;
}

enum rx_mode xdp_mode_got(const struct xdp *x, unsigned i)
{
	return x->interfaces[i].mode;
}

int xdp_map_fd(const struct xdp *x, enum xdp_map map)
{
	return x->maps[map];
}

int xdp_pins_fd(const struct xdp *x)
{
	return x->pins.fd;
}
