/* What can be changed while the XDP program runs: listeners, allow list, rate.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Maps are changed in place: what is wanted is put in first, then what is not wanted is taken out,
 * so that no datagram meets an empty table. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xdp.h"

static bool listener_wanted(const void *arg, const void *key)
{
	const struct rx_options *o = arg;
	const struct listener_key *k = key;
	static const uint8_t any[16];
	bool address = o->n_addresses == 0 && !memcmp(k->address, any, 16);
	bool port = k->port == 0;

	for (unsigned i = 0; i < o->n_addresses && !address; i++)
		address = !memcmp(k->address, o->addresses[i].b, 16);
	for (unsigned i = 0; i < o->n_ports && !port; i++)
		port = k->port == htons(o->ports[i]);
	return address && port;
}

/* Deletes the keys that `wanted` does not want. */
static int prune(int fd, void *key, void *next, size_t size,
		 bool (*wanted)(const void *arg, const void *key), const void *arg)
{
	int r = bpf_map_get_next_key(fd, NULL, key);

	while (r == 0) {
		r = bpf_map_get_next_key(fd, key, next);
		if (!wanted(arg, key)) {
			int deleted = bpf_map_delete_elem(fd, key);

			if (deleted < 0 && deleted != -ENOENT)
				return deleted;
		}
		memcpy(key, next, size);
	}
	return r == -ENOENT ? 0 : r;
}

int xdp_set_listeners(struct xdp *x, const struct rx_options *o)
{
	struct listener_key k, next;
	int r, fd = xdp_map_fd(x, XDP_MAP_LISTENERS);
	uint8_t one = 1;

	for (unsigned a = 0; a < (o->n_addresses ? o->n_addresses : 1); a++) {
		memset(&k, 0, sizeof(k));
		if (o->n_addresses)
			memcpy(k.address, o->addresses[a].b, 16);
		for (unsigned p = 0; p <= o->n_ports; p++) {
			k.port = p < o->n_ports ? htons(o->ports[p]) : 0;
			r = bpf_map_update_elem(fd, &k, &one, BPF_ANY);
			if (r < 0)
				return r;
		}
	}
	return prune(fd, &k, &next, sizeof(k), listener_wanted, o);
}

struct allow_list {
	struct allow_key *keys; /* sorted */
	size_t n;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct allow_key));
}

/* The trie gives keys back as they were put in, so bits behind the prefix are made zero. */
static void allow_key(struct allow_key *k, const struct rx_prefix *p)
{
	memset(k, 0, sizeof(*k));
	k->prefix_len = p->prefix_len;
	for (unsigned bit = 0; bit < p->prefix_len; bit++)
		k->address[bit / 8] |= p->address.b[bit / 8] & (0x80 >> bit % 8);
}

static bool allow_wanted(const void *arg, const void *key)
{
	const struct allow_list *l = arg;

	return bsearch(key, l->keys, l->n, sizeof(*l->keys), compare_keys) != NULL;
}

static int get_settings(struct xdp *x, struct steer_settings *s)
{
	return bpf_map_lookup_elem(xdp_map_fd(x, XDP_MAP_SETTINGS), &(uint32_t){0}, s);
}

static int put_settings(struct xdp *x, const struct steer_settings *s)
{
	return bpf_map_update_elem(xdp_map_fd(x, XDP_MAP_SETTINGS), &(uint32_t){0}, s, BPF_ANY);
}

static int change_allow(struct xdp *x, const struct allow_list *l)
{
	int r, fd = xdp_map_fd(x, XDP_MAP_ALLOW);
	struct allow_key k, next;
	struct steer_settings s;
	uint8_t one = 1;

	for (size_t i = 0; i < l->n; i++) {
		r = bpf_map_update_elem(fd, &l->keys[i], &one, BPF_ANY);
		if (r < 0)
			return r;
	}
	/* The flag changes while the trie holds old and new. */
	r = get_settings(x, &s);
	if (r < 0)
		return r;
	s.flags = l->n ? s.flags | STEER_ALLOW_IN_USE : s.flags & ~(uint32_t)STEER_ALLOW_IN_USE;
	r = put_settings(x, &s);
	if (r < 0)
		return r;
	return prune(fd, &k, &next, sizeof(k), allow_wanted, l);
}

int xdp_set_allow(struct xdp *x, const struct rx_prefix *allow, unsigned n)
{
	struct allow_list l = {calloc(n ? n : 1, sizeof(*l.keys)), n};
	int r = -EINVAL;

	if (!l.keys)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		if (allow[i].prefix_len > 128)
			goto out;
		allow_key(&l.keys[i], &allow[i]);
	}
	qsort(l.keys, l.n, sizeof(*l.keys), compare_keys);
	r = change_allow(x, &l);
out:
	free(l.keys);
	return r;
}

int xdp_set_rate(struct xdp *x, uint32_t per_second, uint32_t burst)
{
	struct steer_settings s;
	int r = get_settings(x, &s);

	if (r < 0)
		return r;
	if (per_second > 1000000000)
		return -EINVAL;
	s.rate_interval_ns = per_second ? 1000000000 / per_second : 0;
	s.rate_burst_ns = burst ? (burst - 1) * s.rate_interval_ns : 0;
	return put_settings(x, &s);
}
