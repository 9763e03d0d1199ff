/* weir agent: the collector itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../agent.h"
#include "commands.h"

static const char usage[] =
	"usage: weir agent -c FILE [--set KEY=VALUE...]\n"
	"       weir agent --interface IF [--output OUTPUT] [--format FORMAT]\n\n"
	"Collects flows until SIGTERM or SIGINT: receives through XDP and UDP, decodes and\n"
	"publishes. SIGHUP reads the settings again (ports, allow list, limits, log level) and\n"
	"reopens files. Without a file the defaults hold: UDP ports 2055, 4739 and 6343, JSON on\n"
	"standard output. `weir config` prints all settings.\n"
	"Exit status: 0 stopped in order, 1 not started or flows not delivered, 2 usage,\n"
	"75 to be started again: an interface that was removed is back (xdp.when_back: exit).\n\n"
	"  -c, --config FILE    the settings\n"
	"  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	"  -i, --interface IF   take exporters in through XDP on this interface; may be repeated\n"
	"  -o, --output OUTPUT  file:PATH (file:- is standard output) or kafka:BROKERS/TOPIC\n"
	"      --format FORMAT  json, protobuf or native; default: json for files, protobuf\n"
	"                       for kafka\n"
	"      --replace        take the place of the agent that runs at control.socket: without a\n"
	"                       datagram lost, as far as socket buffers hold them\n"
	"      --stay           when another has taken this one's place, wait for SIGTERM: for\n"
	"                       those who would start again what ends (Kubernetes)\n"
	"  -h, --help           print this\n";

enum { SETS_MAX = 64 };

struct arguments {
	const char *path;
	char *sets[SETS_MAX];
	unsigned n_sets;
	struct buffer interfaces; /* interfaces=A,B */
	struct agent_place place;
};

static int wrong(const char *argument, const char *text)
{
	fprintf(stderr, "weir agent: '%s' %s; `weir agent --help` tells what it takes\n", argument,
		text);
	return 2;
}

/* "key=value" for the settings; kept for reloads, so never freed. */
static int set(struct arguments *a, const char *key, const char *value)
{
	char *s = NULL;

	if (a->n_sets == SETS_MAX)
		return wrong(value, "is one setting too many");
	if ((key ? asprintf(&s, "%s=%s", key, value) : asprintf(&s, "%s", value)) < 0)
		return 1;
	a->sets[a->n_sets++] = s;
	return -1;
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"interface", required_argument, NULL, 'i'},
		{"output", required_argument, NULL, 'o'},
		{"format", required_argument, NULL, 'f'},
		{"replace", no_argument, NULL, 'R'},
		{"stay", no_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *output = NULL, *format = NULL;
	int option, r = -1;

	optind = 1;
	while (r < 0 && (option = getopt_long(argc, argv, ":c:s:i:o:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			a->path = optarg;
			break;
		case 's':
			r = set(a, NULL, optarg);
			break;
		case 'i':
			buffer_format(&a->interfaces, "%s%s", a->interfaces.len ? "," : "", optarg);
			break;
		case 'o':
			output = optarg;
			break;
		case 'f':
			format = optarg;
			break;
		case 'R':
			a->place.replace = true;
			break;
		case 'S':
			a->place.stay = true;
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
	if (r < 0 && optind < argc)
		return wrong(argv[optind], "is one argument too many");
	if (r < 0 && !a->path && !a->interfaces.len && !a->n_sets && !output) {
		fprintf(stderr,
			"weir agent: neither -c FILE nor --interface IF is given; `weir agent "
			"--help` tells more\n");
		return 2;
	}
	buffer_char(&a->interfaces, '\0');
	if (r < 0 && a->interfaces.len > 1)
		r = set(a, "interfaces", a->interfaces.p);
	if (r < 0 && (output || (format && !a->path)))
		r = set(a, "outputs", output ? output : "file:-");
	if (r < 0 && format)
		r = set(a, "outputs[0].format", format);
	return r;
}

int command_agent(int argc, char **argv)
{
	static struct arguments a;
	static struct settings settings;
	struct buffer errors = {0};
	int status = parse(&a, argc, argv);

	buffer_free(&a.interfaces);
	if (status >= 0)
		return status;
	if (settings_read(&settings, a.path, (const char *const *)a.sets, a.n_sets, &errors)) {
		fwrite(errors.p, 1, errors.len, stderr);
		status = 1;
	} else {
		const struct settings_source source = {a.path, (const char *const *)a.sets,
						       a.n_sets};

		status = agent_run(&settings, &source, &a.place);
	}
	for (unsigned i = 0; i < a.n_sets; i++)
		free(a.sets[i]);
	buffer_free(&errors);
	settings_free(&settings);
	return status;
}
