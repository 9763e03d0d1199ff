/* Which worker's UDP socket gets a datagram: the one whose AF_XDP queue serves the exporter.
 * SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Attached to each group of sockets that share an address and port. What XDP leaves to the kernel
 * (fragments, options, oversize) so comes to the worker that has the rest of the stream. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steer.h"

/* worker → socket of the group; written by the agent, read here */
struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

/* stream → its worker; the XDP program's map where there is one: written there, read here */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct stream_key);
	__type(value, struct stream);
} streams SEC(".maps");

const volatile __u32 workers = 1;

enum {
	IPV4_SOURCE = 12,
	IPV6_SOURCE = 8,
};

/* The same exporter always gives the same number, whatever its port. */
static __always_inline __u32 hash(const __u8 address[16])
{
	__u32 h = 0, w;

	for (int i = 0; i < 4; i++) {
		__builtin_memcpy(&w, address + 4 * i, 4);
		h = (h ^ w) * 0x85ebca6b;
		h ^= h >> 15;
	}
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

SEC("sk_reuseport")
int reuseport(struct sk_reuseport_md *ctx)
{
	struct stream_key key = {};
	struct stream *known;
	__u32 worker;
	long err;

	if (ctx->ip_protocol != IPPROTO_UDP)
		return SK_PASS;
	if (ctx->eth_protocol == bpf_htons(ETH_P_IP)) {
		key.address[10] = key.address[11] = 0xff;
		err = bpf_skb_load_bytes_relative(ctx, IPV4_SOURCE, key.address + 12, 4,
						  BPF_HDR_START_NET);
	} else {
		err = bpf_skb_load_bytes_relative(ctx, IPV6_SOURCE, key.address, 16,
						  BPF_HDR_START_NET);
	}
	if (err || bpf_skb_load_bytes(ctx, 0, &key.port, sizeof(key.port)))
		return SK_PASS; /* the kernel's own hash over addresses and ports decides */

	known = bpf_map_lookup_elem(&streams, &key);
	worker = known && known->worker != STEER_NO_WORKER
			 ? known->worker % workers
			 : (__u64)hash(key.address) * workers >> 32;
	bpf_sk_select_reuseport(ctx, &sockets, &worker, 0);
	return SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
