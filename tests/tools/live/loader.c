/* Loads live.bpf.c and runs it. SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include "live.skel.h"
#include "loader.h"

enum { LOOPBACK = 1 };

struct live {
	struct live_bpf *bpf;
	uint32_t interface, pass;
};

struct live *live_open(const char *interface, uint32_t frames, int pass)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->pass = (uint32_t)pass;
	l->interface = if_nametoindex(interface);
	if (!l->interface)
		goto failed;
	l->bpf = live_bpf__open();
	if (!l->bpf)
		goto failed;
	bpf_map__set_max_entries(l->bpf->maps.frames, frames);
	if (live_bpf__load(l->bpf))
		goto failed;
	/* The kernel makes room for a program among those it calls directly when the first user of
	 * it comes, and waits for all processors to see it: 10 to 30 ms, for each run but for this
	 * second user. Where loopback has a program already, sending is only slower. */
	l->bpf->links.send_next = bpf_program__attach_xdp(l->bpf->progs.send_next, LOOPBACK);
	return l;
failed:
	live_close(l);
	return NULL;
}

int live_set(struct live *l, uint32_t i, const struct live_frame *f)
{
	return bpf_map_update_elem(bpf_map__fd(l->bpf->maps.frames), &i, f, BPF_ANY);
}

int live_rewind(struct live *l, uint32_t frames)
{
	struct live_position p = {.n = frames, .interface = l->interface, .pass = l->pass};
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(l->bpf->maps.position), &zero, &p, BPF_ANY);
}

int live_send(struct live *l, uint32_t n)
{
	static uint8_t room[LIVE_FRAME_SIZE];
	struct xdp_md context = {.data_end = sizeof(room), .ingress_ifindex = l->interface};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = room, .data_size_in = sizeof(room),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = (int)n,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = n);

	return bpf_prog_test_run_opts(bpf_program__fd(l->bpf->progs.send_next), &o) ? -1 : 0;
}

void live_close(struct live *l)
{
	if (!l)
		return;
	if (l->bpf)
		live_bpf__destroy(l->bpf);
	free(l);
}
