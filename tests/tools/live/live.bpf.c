/* Makes each of the frames that BPF_PROG_TEST_RUN injects the next of those in the map and sends it
 * through an interface. SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "live.h"

/* number → frame; written by the loader, its sequence number also here */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct live_frame);
} frames SEC(".maps");

/* 0 → where we are; written by the loader and here, by one processor at a time */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct live_position);
} position SEC(".maps");

/* The sequence number as it will be when the frame comes round again. */
static void advance(struct live_frame *f)
{
	__u32 at = f->sequence_at, sum_at = f->checksum_at, new;
	__be32 before, after;
	__be16 sum;
	__s64 diff;

	if (at > LIVE_FRAME_SIZE - 4 || sum_at > LIVE_FRAME_SIZE - 2)
		return;
	__builtin_memcpy(&before, f->bytes + at, 4);
	new = bpf_ntohl(before) + f->sequence_step;
	after = bpf_htonl(new);
	__builtin_memcpy(f->bytes + at, &after, 4);
	__builtin_memcpy(&sum, f->bytes + sum_at, 2);
	diff = bpf_csum_diff(&before, 4, &after, 4, (__u16)~sum);
	diff = (diff & 0xffff) + (diff >> 16 & 0xffff);
	diff = (diff & 0xffff) + (diff >> 16 & 0xffff);
	sum = (__u16)~diff;
	if (!sum)
		sum = 0xffff;
	__builtin_memcpy(f->bytes + sum_at, &sum, 2);
}

SEC("xdp")
int send_next(struct xdp_md *ctx)
{
	struct live_position *p;
	struct live_frame *f;
	__u32 zero = 0, at, len;

	p = bpf_map_lookup_elem(&position, &zero);
	if (!p)
		return XDP_ABORTED;
	if (ctx->ingress_ifindex != p->interface) /* a packet of the loopback device */
		return XDP_PASS;
	at = p->next;
	p->next = at + 1 < p->n ? at + 1 : 0;
	f = bpf_map_lookup_elem(&frames, &at);
	if (!f)
		return XDP_ABORTED;
	len = f->len;
	if (len < LIVE_FRAME_MIN || len > LIVE_FRAME_SIZE)
		return XDP_ABORTED;
	if (bpf_xdp_adjust_tail(ctx, (int)len - LIVE_FRAME_SIZE)) /* each begins with all of it */
		return XDP_ABORTED;
	if (bpf_xdp_store_bytes(ctx, 0, f->bytes, len))
		return XDP_ABORTED;
	advance(f);
	if (p->pass)
		return XDP_PASS;
	return bpf_redirect(p->interface, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
