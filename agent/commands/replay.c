/* weir replay: what the agent would make of capture files.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <urcu-qsbr.h>

#include "../clock.h"
#include "../conf/settings.h"
#include "../decode/exporter.h"
#include "../pipeline.h"
#include "../rx/pcap.h"
#include "commands.h"

static const char usage[] =
	"usage: weir replay FILE... [OPTION...]\n\n"
	"Takes the datagrams of capture files (pcap or pcapng, plain or gzip; - is standard\n"
	"input) through the same decoders and outputs as `weir agent`, and ends with a summary\n"
	"on standard error. The time of reception is the capture's time stamp.\n"
	"Exit status: 0 done, 1 a file could not be read or flows were not delivered, 2 usage.\n\n"
	"  -o, --output OUTPUT  -, FILE, file:PATH or kafka:BROKERS/TOPIC; default -\n"
	"      --format FORMAT  json (default for files), protobuf (for kafka) or native\n"
	"  -p, --ports LIST     only datagrams to these UDP ports; default: all UDP\n"
	"  -n, --repeat N       read the files N times over\n"
	"  -c, --config FILE    settings of the decoders and, without --output, the outputs\n"
	"  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	"  -q, --quiet          no summary\n"
	"  -h, --help           print this\n";

enum { SETS_MAX = 64 };

struct replay {
	struct settings settings;
	struct rx_options ports; /* only the ports are used */
	unsigned long repeat;
	bool quiet;
	struct exporter_store *store;
	struct publisher *publisher;
	struct enricher *enricher;
	struct pipeline pipeline;
	struct account account;
	uint64_t packets, skipped[PCAP_SKIP_MAX];
	unsigned failed; /* files that could not be read to their end */
};

static int wrong(const char *argument, const char *text)
{
	fprintf(stderr, "weir replay: '%s' %s; `weir replay --help` tells what it takes\n",
		argument, text);
	return 2;
}

static bool read_ports(struct rx_options *o, const char *list)
{
	char *end;

	for (o->n_ports = 0;; list = end + 1) {
		unsigned long port = strtoul(list, &end, 10);

		if (end == list || port < 1 || port > 65535 || o->n_ports == RX_PORTS_MAX)
			return false;
		o->ports[o->n_ports++] = (uint16_t)port;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
	}
}

/* Reads options and settings. Returns -1 when the files can be read, else the exit status. */
static int prepare(struct replay *r, int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"format", required_argument, NULL, 'f'},
		{"ports", required_argument, NULL, 'p'},
		{"repeat", required_argument, NULL, 'n'},
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *sets[SETS_MAX + 2], *path = NULL, *output = NULL, *format = NULL;
	struct buffer errors = {0}, output_set = {0}, format_set = {0};
	unsigned n_sets = 0;
	int option, err;
	char *end;

	r->repeat = 1;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":o:p:n:c:s:qh", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			output = optarg;
			break;
		case 'f':
			format = optarg;
			break;
		case 'p':
			if (!read_ports(&r->ports, optarg))
				return wrong(optarg, "is not a list of up to 32 UDP ports");
			break;
		case 'n':
			r->repeat = strtoul(optarg, &end, 10);
			if (*end || !r->repeat || *optarg == '-')
				return wrong(optarg, "is not a number of times");
			break;
		case 'c':
			path = optarg;
			break;
		case 's':
			if (n_sets == SETS_MAX)
				return wrong(optarg, "is one --set too many");
			sets[n_sets++] = optarg;
			break;
		case 'q':
			r->quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case ':':
			return wrong(argv[optind - 1], "needs a value");
		default:
			return wrong(argv[optind - 1], "is not an option");
		}
	}
	if (optind == argc) {
		fprintf(stderr,
			"weir replay: no capture file given; `weir replay --help` tells the "
			"rest\n");
		return 2;
	}
	for (char **f = argv + optind; *f && r->repeat > 1; f++)
		if (!strcmp(*f, "-"))
			return wrong("-", "can be read only once, not --repeat times");
	if (output || !path) {
		/* A bare name is a file. */
		bool scheme = output &&
			      (!strncmp(output, "file:", 5) || !strncmp(output, "kafka:", 6));

		buffer_format(&output_set, "outputs=%s%s",
			      scheme ? "" : "file:", output ? output : "-");
		buffer_char(&output_set, '\0');
		sets[n_sets++] = output_set.p;
	}
	if (format) {
		buffer_format(&format_set, "outputs[0].format=%s", format);
		buffer_char(&format_set, '\0');
		sets[n_sets++] = format_set.p;
	}
	err = settings_read(&r->settings, path, sets, n_sets, &errors);
	if (err)
		fwrite(errors.p, 1, errors.len, stderr);
	buffer_free(&errors);
	buffer_free(&output_set);
	buffer_free(&format_set);
	if (!err)
		return -1;
	settings_free(&r->settings);
	return 1;
}

/* False: the output is gone, nothing more needs to be read. */
static bool replay_file(struct replay *r, const char *name)
{
	struct datagram batch[RX_BATCH];
	char error[400];
	struct pcap *p;
	unsigned n;

	if (pcap_open(&p, name, &r->ports, error, sizeof(error))) {
		fprintf(stderr, "weir: %s\n", error);
		r->failed++;
		return true;
	}
	while ((n = pcap_receive(p, batch, RX_BATCH, &r->account)) > 0 &&
	       !publisher_ended(r->publisher)) {
		pipeline_run(&r->pipeline, batch, n);
		pcap_release(p);
		publish_tick(r->pipeline.publish, clock_coarse_ns());
	}
	if (pcap_problem(p)) {
		fprintf(stderr, "weir: %s\n", pcap_problem(p));
		r->failed++;
	}
	r->packets += pcap_packets(p);
	for (int why = 0; why < PCAP_SKIP_MAX; why++)
		r->skipped[why] += pcap_skipped(p, (enum pcap_skip)why);
	pcap_close(p);
	return !publisher_ended(r->publisher);
}

static void line(uint64_t n, const char *text)
{
	if (n)
		fprintf(stderr, "  %12" PRIu64 " %s\n", n, text);
}

static void summary(const struct replay *r, uint64_t undelivered, uint64_t start)
{
	static const enum account_id shown[] = {
		ACCOUNT_RX_PCAP,
		ACCOUNT_RX_BYTES,
		ACCOUNT_NETFLOW5,
		ACCOUNT_NETFLOW9,
		ACCOUNT_IPFIX,
		ACCOUNT_SFLOW5,
		ACCOUNT_DECODED,
		ACCOUNT_DECODED_PARTLY,
		ACCOUNT_MALFORMED,
		ACCOUNT_UNKNOWN_VERSION,
		ACCOUNT_EXPORTER_LIMIT,
		ACCOUNT_TEMPLATES_LEARNT,
		ACCOUNT_SETS_NO_TEMPLATE,
		ACCOUNT_SETS_MALFORMED,
		ACCOUNT_RECORDS_DATA,
		ACCOUNT_RECORDS_OPTIONS,
		ACCOUNT_SAMPLES_FLOW,
		ACCOUNT_SAMPLES_COUNTER,
		ACCOUNT_FLOWS,
	};
	uint64_t flows = account_get(&r->account, ACCOUNT_FLOWS);
	double took = (double)(clock_monotonic_ns() - start) / 1e9, cpu;
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	line(r->packets, "packets read");
	for (int why = 0; why < PCAP_SKIP_MAX; why++)
		line(r->skipped[why], pcap_skip_text((enum pcap_skip)why));
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		line(account_get(&r->account, shown[i]), account_help(shown[i]));
	for (int s = DECODE_OK + 1; s < DECODE_STATUS_MAX; s++)
		if (r->pipeline.statuses[s])
			fprintf(stderr, "  %12" PRIu64 " datagrams in which: %s\n",
				r->pipeline.statuses[s], decode_reason((enum decode_status)s));
	line(undelivered, "flows NOT DELIVERED");
	fprintf(stderr, "  %.3f s, %.3f s of CPU", took, cpu);
	if (flows)
		fprintf(stderr, ", %.0f ns of CPU a flow, %.0f flows/s", cpu * 1e9 / (double)flows,
			(double)flows / took);
	fputc('\n', stderr);
}

/* Everything but the settings. Returns the exit status. */
static int replay(struct replay *r, char **files)
{
	uint64_t undelivered = 0, start = clock_monotonic_ns();
	bool ended = false;

	r->settings.publish.wait_when_full = true;
	r->publisher = publisher_open(&r->settings.publish, 1);
	if (!r->publisher)
		return 1;
	r->enricher = pipeline_enricher(&r->settings.enrich, &r->settings.publish);
	if (!r->enricher) {
		publisher_close(r->publisher, 0);
		return 1;
	}
	r->store = exporter_store_new(&r->settings.decode, 1);
	if (!r->store || pipeline_open(&r->pipeline, &r->settings.decode, r->store, r->publisher,
				       r->enricher, 0, &r->account)) {
		fprintf(stderr, "weir replay: out of memory\n");
		publisher_close(r->publisher, 0);
		enricher_close(r->enricher);
		if (r->store)
			exporter_store_free(r->store);
		return 1;
	}
	for (unsigned long i = 0; i < r->repeat && !ended; i++)
		for (char **f = files; *f && !ended; f++)
			ended = !replay_file(r, *f);
	undelivered = publisher_close(r->publisher, r->settings.drain_seconds);
	if (!r->quiet && (r->packets || !r->failed))
		summary(r, undelivered, start);
	pipeline_close(&r->pipeline);
	enricher_close(r->enricher);
	exporter_store_free(r->store);
	return r->failed || undelivered || ended;
}

int command_replay(int argc, char **argv)
{
	static struct replay r;
	int status = prepare(&r, argc, argv);

	if (status >= 0)
		return status;
	log_set_level(r.settings.log_level);
	rcu_register_thread();
	status = replay(&r, argv + optind);
	rcu_unregister_thread();
	settings_free(&r.settings);
	return status;
}
