/* weir decode: print the records of captures exactly as they were sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../decode/exporter.h"
#include "../decode/print.h"
#include "../log.h"
#include "../rx/pcap.h"
#include "commands.h"

static const char usage[] =
	"usage: weir decode [OPTION...] FILE.pcap...\n"
	"\n"
	"Prints each record of NetFlow v5, v9, IPFIX and sFlow v5 exactly as it was sent, one JSON\n"
	"object on a line, with IANA's element names. Several files are read as if they were one.\n"
	"`-` is standard input. pcap and pcapng, also gzipped.\n"
	"\n"
	"  --port N         only datagrams to this UDP port; may be given several times\n"
	"                   (default: all, told apart by their version field)\n"
	"  --names WHICH    iana: enterprise elements as e<pen>_<id> with octets (default)\n"
	"                   vendor: by name and type where the vendor has published them\n"
	"  --elements FILE  further elements, or other names: rows of pen, id, name, type between\n"
	"                   tabs; pen 0 is IANA, v9 a NetFlow v9 number that IANA does not have\n"
	"  -h, --help       this text\n"
	"\n"
	"Standard error tells what was left out. Exit status: 0 done (malformed datagrams are no\n"
	"failure), 1 a file could not be read to its end or the output not written, 2 wrong usage.\n";

struct options {
	struct rx_options rx; /* the ports */
	const char *elements;
	bool vendor_names;
};

struct run {
	struct printer *printer;
	struct buffer out;
	uint64_t datagrams;
	bool write_failed;
	uint64_t left_out[DECODE_STATUS_MAX]; /* datagrams, by the first reason */
	uint64_t first[DECODE_STATUS_MAX];    /* number of the first of them */
	uint64_t skipped[PCAP_SKIP_MAX];
};

static void flush(struct buffer *out, void *arg)
{
	struct run *run = arg;

	if (!run->write_failed && fwrite(out->p, 1, out->len, stdout) != out->len) {
		log_error("standard output: %s", strerror(errno));
		run->write_failed = true;
	}
	buffer_clear(out);
}

/* 0, or 1 after a message. */
static int decode_file(struct run *run, const struct options *o, struct account *account,
		       const char *path)
{
	struct datagram dg[RX_BATCH];
	struct pcap *pcap;
	char error[512];
	unsigned n;
	int r = 0;

	if (pcap_open(&pcap, path, &o->rx, error, sizeof(error))) {
		log_error("%s", error);
		return 1;
	}
	while (!run->write_failed && (n = pcap_receive(pcap, dg, RX_BATCH, account))) {
		for (unsigned i = 0; i < n; i++) {
			enum decode_status s = printer_datagram(run->printer, &dg[i],
								++run->datagrams);

			if (!run->left_out[s]++)
				run->first[s] = run->datagrams;
		}
		pcap_release(pcap);
		rcu_quiescent_state();
	}
	if (pcap_problem(pcap)) {
		log_error("%s", pcap_problem(pcap));
		r = 1;
	}
	for (unsigned i = 0; i < PCAP_SKIP_MAX; i++)
		run->skipped[i] += pcap_skipped(pcap, i);
	pcap_close(pcap);
	return r;
}

static void tell_what_was_left_out(const struct run *run)
{
	for (unsigned i = 0; i < PCAP_SKIP_MAX; i++)
		if (run->skipped[i])
			log_info("skipped %llu %s", (unsigned long long)run->skipped[i],
				 pcap_skip_text(i));
	for (unsigned i = DECODE_OK + 1; i < DECODE_STATUS_MAX; i++)
		if (run->left_out[i])
			log_warning("%llu of %llu datagrams were left out wholly or partly, first "
				    "datagram %llu: %s",
				    (unsigned long long)run->left_out[i],
				    (unsigned long long)run->datagrams,
				    (unsigned long long)run->first[i], decode_reason(i));
}

static int decode_files(const struct options *o, char **paths, int n_paths)
{
	struct decode_options limits = decode_defaults;
	struct run *run = calloc(1, sizeof(*run));
	struct account *account = aligned_alloc(_Alignof(struct account), sizeof(*account));
	struct printer_config config = {
		.account = account,
		.max_nesting = limits.max_nesting,
		.flush = flush,
		.arg = run,
	};
	struct elements *elements = NULL;
	int status = 1, r;

	limits.template_timeout = 0; /* a capture's clock is not ours */
	rcu_register_thread();
	config.store = exporter_store_new(&limits, 1);
	if (!run || !account || !config.store) {
		log_error("out of memory");
		goto out;
	}
	memset(account, 0, sizeof(*account));
	r = elements_open(&elements, o->vendor_names, o->elements);
	if (r) {
		if (r == -ENOMEM)
			log_error("out of memory");
		goto out;
	}
	config.elements = elements;
	config.out = &run->out;
	run->printer = printer_new(&config);
	if (!run->printer) {
		log_error("out of memory");
		goto out;
	}
	status = 0;
	for (int i = 0; i < n_paths && !run->write_failed; i++)
		status |= decode_file(run, o, account, paths[i]);
	flush(&run->out, run);
	if (!run->write_failed && fflush(stdout)) {
		log_error("standard output: %s", strerror(errno));
		run->write_failed = true;
	}
	tell_what_was_left_out(run);
	if (run->write_failed || run->out.failed)
		status = 1;
out:
	rcu_unregister_thread();
	if (run) {
		printer_free(run->printer);
		buffer_free(&run->out);
	}
	elements_close(elements);
	if (config.store)
		exporter_store_free(config.store);
	free(account);
	free(run);
	return status;
}

static int parse_port(struct options *o, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*end || end == text || !port || port > UINT16_MAX) {
		fprintf(stderr, "weir decode: --port '%s' is not a number from 1 to 65535\n", text);
		return -1;
	}
	if (o->rx.n_ports == RX_PORTS_MAX) {
		fprintf(stderr, "weir decode: more than %d ports\n", RX_PORTS_MAX);
		return -1;
	}
	o->rx.ports[o->rx.n_ports++] = (uint16_t)port;
	return 0;
}

int command_decode(int argc, char **argv)
{
	static const struct option known[] = {
		{"port", required_argument, NULL, 'p'},
		{"names", required_argument, NULL, 'n'},
		{"elements", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static struct options o;
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (c) {
		case 'p':
			if (parse_port(&o, optarg))
				return 2;
			break;
		case 'n':
			if (strcmp(optarg, "iana") && strcmp(optarg, "vendor")) {
				fprintf(stderr,
					"weir decode: --names '%s' is neither iana nor vendor\n",
					optarg);
				return 2;
			}
			o.vendor_names = !strcmp(optarg, "vendor");
			break;
		case 'e':
			o.elements = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("weir decode --help tells how\n", stderr);
			return 2;
		}
	}
	if (optind == argc) {
		fputs("weir decode: no capture file given; weir decode --help tells how\n", stderr);
		return 2;
	}
	return decode_files(&o, argv + optind, argc - optind);
}
