/* Reading what the XDP program counted, and detaching what is pinned.
 * SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/buffer.h"
#include "xdp_pins.h"

static const struct {
	const char *name, *help;
} reason_table[REASON_MAX] = {
#define R(id, name, help) [REASON_##id] = {#name, help},
	STEER_REASONS(R)
#undef R
};

const char *xdp_reason_name(enum reason r)
{
	return reason_table[r].name;
}

const char *xdp_reason_help(enum reason r)
{
	return reason_table[r].help;
}

int xdp_read_reasons(int map_fd, uint64_t counts[REASON_MAX])
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	uint64_t *each;

	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	for (uint32_t k = 0; k < REASON_MAX && r == 0; k++) {
		counts[k] = 0;
		r = bpf_map_lookup_elem(map_fd, &k, each);
		for (int c = 0; c < cpus && r == 0; c++)
			counts[k] += each[c];
	}
	free(each);
	return r;
}

static void add(struct exporter_counts *sum, const struct exporter_counts *n)
{
	uint64_t *to = (uint64_t *)&sum->reasons;
	const uint64_t *from = (const uint64_t *)&n->reasons;

	sum->datagrams += n->datagrams;
	sum->bytes += n->bytes;
	sum->sequence_gaps += n->sequence_gaps;
	sum->versions |= n->versions;
	if (n->last_seen_ns > sum->last_seen_ns) {
		sum->last_seen_ns = n->last_seen_ns;
	}
	for (unsigned r = 0; r < REASON_MAX; r++)
		to[r] += from[r];
}

int xdp_read_exporters(int map_fd, xdp_exporter_seen each, void *arg)
{
	int cpus = libbpf_num_possible_cpus(), r, n = 0;
	struct exporter_key key, next;
	struct exporter_counts *counts, sum;

	if (cpus < 0)
		return cpus;
	counts = calloc((size_t)cpus, sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	/* A key that vanished makes the kernel start over; the bound ends that. */
	r = bpf_map_get_next_key(map_fd, NULL, &next);
	for (unsigned steps = 0; r == 0 && steps < 1u << 22; steps++) {
		key = next;
		if (bpf_map_lookup_elem(map_fd, &key, counts) == 0) {
			memset(&sum, 0, sizeof(sum));
			for (int c = 0; c < cpus; c++)
				add(&sum, &counts[c]);
			n++;
			if (!each(&key, &sum, arg))
				break;
		}
		r = bpf_map_get_next_key(map_fd, &key, &next);
	}
	free(counts);
	return r < 0 && r != -ENOENT ? r : n;
}

struct listing {
	const char *pin_path, *only;
	struct buffer *out;
	unsigned found;
};

static void show_interface(const char *interface, void *arg)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct listing *l = arg;
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	char path[PIN_PATH_MAX];
	int fd;

	if ((l->only && strcmp(l->only, interface)) ||
	    pins_path(path, l->pin_path, interface, "link") < 0)
		return;
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0) {
		buffer_format(l->out, "%s: %s\n", interface,
			      errno == ENOENT ? "not attached" : strerror(errno));
	} else if (info.xdp.ifindex == 0) {
		buffer_format(l->out, "%s: the interface is gone\n", interface);
	} else {
		if (bpf_xdp_query((int)info.xdp.ifindex, 0, &query) < 0 ||
		    query.prog_id != info.prog_id)
			buffer_format(l->out, "%s: interface %u of another network namespace",
				      interface, info.xdp.ifindex);
		else
			buffer_format(l->out, "%s: %s mode", interface,
				      query.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native");
		buffer_format(l->out, ", program %u, link %u\n", info.prog_id, info.id);
	}
	l->found++;
	if (fd >= 0)
		close(fd);
}

static bool show_exporter(const struct exporter_key *key, const struct exporter_counts *n,
			  void *arg)
{
	struct buffer *out = arg;
	struct ip_addr a;

	memcpy(a.b, key->address, 16);
	buffer_string(out, "  ");
	buffer_ip(out, &a);
	buffer_format(out, " to port %u: %llu datagrams, %llu bytes, %llu steered\n", key->port,
		      n->datagrams, n->bytes, n->reasons.steered);
	return true;
}

enum { DENIED_SHOWN = 20 };

/* Who sent and may not, summed over the CPUs; nothing where there is none. */
static void show_denied(int map_fd, struct buffer *out)
{
	int cpus = libbpf_num_possible_cpus(), r, n = 0;
	struct denied_counts *counts = cpus > 0 ? calloc((size_t)cpus, sizeof(*counts)) : NULL;
	struct exporter_key key, next;

	r = counts ? bpf_map_get_next_key(map_fd, NULL, &next) : -ENOMEM;
	for (unsigned steps = 0; r == 0 && steps < 1u << 16; steps++) {
		unsigned long long sum = 0;
		struct ip_addr a;

		key = next;
		if (bpf_map_lookup_elem(map_fd, &key, counts) == 0 && n++ < DENIED_SHOWN) {
			for (int c = 0; c < cpus; c++)
				sum += counts[c].datagrams;
			memcpy(a.b, key.address, 16);
			buffer_string(out, n == 1 ? "denied, not in exporters.allow:\n  " : "  ");
			buffer_ip(out, &a);
			buffer_format(out, " to port %u: %llu datagrams\n", key.port, sum);
		}
		r = bpf_map_get_next_key(map_fd, &key, &next);
	}
	if (n > DENIED_SHOWN)
		buffer_format(out, "  and %d more: bpftool map dump pinned …/denied\n",
			      n - DENIED_SHOWN);
	free(counts);
}

int xdp_status(const char *pin_path, const char *interface, struct buffer *out, char *error,
	       size_t error_size)
{
	struct listing l = {pin_path, interface, out, 0};
	uint64_t counts[REASON_MAX];
	int r, fd;

	r = pins_interfaces(pin_path, show_interface, &l);
	if (r < 0 && r != -ENOENT)
		return xdp_fail(error, error_size, -r, "cannot read %s: %s", pin_path,
				strerror(-r));
	if (l.found == 0)
		return xdp_fail(error, error_size, ENOENT, "nothing is attached under %s%s%s",
				pin_path, interface ? " for " : "", interface ? interface : "");
	fd = xdp_pinned_map(pin_path, XDP_MAP_REASONS);
	r = fd < 0 ? fd : xdp_read_reasons(fd, counts);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		return xdp_fail(error, error_size, -r, "cannot read the counts in %s: %s", pin_path,
				strerror(-r));
	buffer_string(out, "frames:\n");
	for (unsigned i = 0; i < REASON_MAX; i++)
		buffer_format(out, "  %-17s %12llu  %s\n", reason_table[i].name,
			      (unsigned long long)counts[i], reason_table[i].help);
	fd = xdp_pinned_map(pin_path, XDP_MAP_EXPORTERS);
	buffer_string(out, "exporters:\n");
	r = fd < 0 ? fd : xdp_read_exporters(fd, show_exporter, out);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		return xdp_fail(error, error_size, -r, "cannot read the exporters in %s: %s",
				pin_path, strerror(-r));
	if (r == 0)
		buffer_string(out, "  none yet\n");
	fd = xdp_pinned_map(pin_path, XDP_MAP_DENIED);
	if (fd >= 0) {
		show_denied(fd, out);
		close(fd);
	}
	return 0;
}

struct removal {
	const char *pin_path, *only;
	int n;
};

static void remove_interface(const char *interface, void *arg)
{
	struct removal *r = arg;

	if (r->only && strcmp(r->only, interface))
		return;
	pins_remove_interface(r->pin_path, interface);
	r->n++;
}

int xdp_detach(const char *pin_path, const char *interface, char *error, size_t error_size)
{
	struct removal removal = {pin_path, interface, 0};
	struct pins pins;
	int r = pins_open(&pins, pin_path, false, error, error_size);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	pins_interfaces(pin_path, remove_interface, &removal);
	pins_remove_shared(pin_path);
	pins_close(&pins);
	return removal.n;
}
