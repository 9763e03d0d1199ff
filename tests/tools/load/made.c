/* Frames that are made beforehand: the kernel sends them in turn, or a capture holds them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "../live/loader.h"

struct made {
	struct live_frame frame;
	uint32_t stream;
	uint64_t payload, records, bytes, packets;
};

static unsigned sequence_at(void)
{
	switch (options.protocol) {
	case NETFLOW5:
		return HEADERS + 16;
	case NETFLOW9:
		return HEADERS + 12;
	case IPFIX:
		return HEADERS + 8;
	default:
		return HEADERS + 16;
	}
}

/* `datagram` has room for the UDP header in front. */
static void make_frame(struct made *m, struct stream *s, uint8_t *datagram, size_t payload)
{
	uint16_t port = options.from_port + s->datagrams % options.ports;
	uint8_t *body;

	put_udp(datagram, s, port, payload);
	body = put_headers(m->frame.bytes, s, false, 0, 0, 8 + payload, false);
	memcpy(body, datagram, 8 + payload);
	m->frame.len = body + 8 + payload - m->frame.bytes;
	m->frame.sequence_at = sequence_at();
	m->frame.checksum_at = HEADERS - 2;
	m->payload = payload;
}

static void make_cycle(struct made *made, struct stream *streams)
{
	static uint8_t datagram[SLOT];

	for (unsigned i = 0; i < options.cycle; i++) {
		struct made *m = &made[i];

		m->stream = i % options.exporters;
		m->records = sent.records;
		m->bytes = sent.bytes;
		m->packets = sent.packets;
		make_frame(m, &streams[m->stream], datagram,
			   build(&streams[m->stream], datagram + 8));
		m->records = sent.records - m->records;
		m->bytes = sent.bytes - m->bytes;
		m->packets = sent.packets - m->packets;
	}
}

/* Templates that the cycle does not repeat. Returns how many frames they take. */
static unsigned make_prologue(struct made *made, struct stream *streams)
{
	static uint8_t datagram[SLOT];
	unsigned n = 0;

	if (options.template_every || options.protocol == NETFLOW5 || options.protocol == SFLOW5)
		return 0;
	for (unsigned e = 0; e < options.exporters; e++)
		for (unsigned t = 0, here; t < options.templates; t += here) {
			size_t size = build_templates(&streams[e], datagram + 8, options.size, t,
						      &here);

			if (n == options.cycle)
				die("the templates need a longer --cycle", NULL);
			make_frame(&made[n++], &streams[e], datagram, size);
		}
	return n;
}

static void live_run(struct live *l, uint64_t count, uint64_t start)
{
	for (uint64_t done = 0, n; done < count; done += n) {
		n = due_now(start, done, count, options.batch);
		if (n && live_send(l, n))
			die("cannot run the frames", strerror(errno));
	}
}

static void load_frames(struct live *l, const struct made *made, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (live_set(l, i, &made[i].frame))
			die("cannot load a frame", strerror(errno));
	if (live_rewind(l, n))
		die("cannot load the frames", strerror(errno));
}

void run_live(struct stream *streams)
{
	struct made *made = calloc(options.cycle, sizeof(*made));
	struct live *l = live_open(options.interface, options.cycle, options.pass);
	uint32_t *before = calloc(options.exporters, sizeof(*before));
	unsigned prologue;
	uint64_t start;

	if (!made || !before)
		die("out of memory", NULL);
	if (!l)
		die("cannot load the sender's program", strerror(errno));
	prologue = make_prologue(made, streams);
	if (prologue) {
		uint64_t rate = options.rate;

		load_frames(l, made, prologue);
		options.rate = 5000; /* learning is slower than using */
		live_run(l, prologue, now_ns());
		options.rate = rate;
		usleep(500000);
	}
	for (unsigned e = 0; e < options.exporters; e++)
		before[e] = streams[e].sequence;
	make_cycle(made, streams);
	for (unsigned i = 0; i < options.cycle; i++) {
		uint32_t e = made[i].stream;

		made[i].frame.sequence_step = streams[e].sequence - before[e];
	}
	load_frames(l, made, options.cycle);
	memset(&sent, 0, sizeof(sent));
	sent.datagrams = prologue;
	start = now_ns();
	live_run(l, options.count, start);
	for (unsigned i = 0; i < options.cycle; i++) {
		uint64_t times = options.count / options.cycle +
				 (i < options.count % options.cycle);

		sent.datagrams += times;
		sent.frames += times;
		sent.payload += times * made[i].payload;
		sent.records += times * made[i].records;
		sent.bytes += times * made[i].bytes;
		sent.packets += times * made[i].packets;
	}
	report(start);
	live_close(l);
	free(before);
	free(made);
}

static void put_native(FILE *f, const uint32_t *words, unsigned n)
{
	if (fwrite(words, 4, n, f) != n)
		die("cannot write", strerror(errno));
}

/* A capture (pcap) of what would be sent in one cycle. */
void write_capture(struct stream *streams)
{
	static const uint32_t head[] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	struct made *made = calloc(options.cycle, sizeof(*made));
	uint64_t start = now_ns();
	FILE *f = fopen(options.write, "we");

	if (!made || !f)
		die(options.write, strerror(errno));
	make_cycle(made, streams);
	put_native(f, head, 6);
	for (unsigned i = 0; i < options.cycle; i++) {
		const uint32_t packet[] = {start_seconds, i % 1000000, made[i].frame.len,
					   made[i].frame.len};

		put_native(f, packet, 4);
		if (fwrite(made[i].frame.bytes, made[i].frame.len, 1, f) != 1)
			die(options.write, strerror(errno));
	}
	if (fclose(f))
		die(options.write, strerror(errno));
	report(start);
	free(made);
}
