/* weir xdp: attach, detach or show the XDP program without running the agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loaders/xdp.h"
#include "../conf/settings.h"
#include "commands.h"

static const char usage[] =
	"usage: weir xdp attach [-c FILE] [--set KEY=VALUE...] [--interface IF...]\n"
	"       weir xdp detach [--interface IF] [--pin-path DIR]\n"
	"       weir xdp status [--interface IF] [--pin-path DIR]\n\n"
	"Attaches the XDP program, takes it off again, or shows what it counted. An agent attaches\n"
	"by itself; attached beforehand, the program counts exporters and passes their datagrams to\n"
	"the kernel until an agent with the same settings takes it over.\n"
	"Exit status: 0 done, 1 failed or nothing there, 2 usage.\n\n"
	"  -c, --config FILE    the settings; without it the defaults\n"
	"  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	"  -i, --interface IF   the interface; may be repeated for attach, and detach and status\n"
	"                       without it mean all that are pinned\n"
	"      --mode MODE      auto, native or generic: --set xdp.mode=MODE\n"
	"      --pin-path DIR   where the pins are: --set xdp.pin_path=DIR\n"
	"  -h, --help           print this\n";

enum { SETS_MAX = 64 };

struct arguments {
	const char *path, *action;
	char *sets[SETS_MAX];
	unsigned n_sets;
	const char *interface; /* the first */
	unsigned n_interfaces;
	struct buffer interfaces; /* A,B */
};

static int wrong(const char *argument, const char *text)
{
	fprintf(stderr, "weir xdp: '%s' %s; `weir xdp --help` tells what it takes\n", argument,
		text);
	return 2;
}

static int set(struct arguments *a, const char *key, const char *value)
{
	if (a->n_sets == SETS_MAX)
		return wrong(value, "is one setting too many");
	if (asprintf(&a->sets[a->n_sets], "%s%s%s", key, *key ? "=" : "", value) < 0)
		return 1;
	a->n_sets++;
	return -1;
}

static int take_option(struct arguments *a, int option, char *const *argv)
{
	switch (option) {
	case 'c':
		a->path = optarg;
		return -1;
	case 's':
		return set(a, "", optarg);
	case 'm':
		return set(a, "xdp.mode", optarg);
	case 'P':
		return set(a, "xdp.pin_path", optarg);
	case 'i':
		a->interface = a->n_interfaces++ ? a->interface : optarg;
		buffer_format(&a->interfaces, "%s%s", a->interfaces.len ? "," : "", optarg);
		return -1;
	case 'h':
		fputs(usage, stdout);
		return 0;
	case ':':
		return wrong(argv[optind - 1], "needs a value");
	default:
		return wrong(argv[optind - 1], "is not an option");
	}
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"interface", required_argument, NULL, 'i'},
		{"mode", required_argument, NULL, 'm'},
		{"pin-path", required_argument, NULL, 'P'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, r = -1;

	optind = 1;
	while (r < 0 && (option = getopt_long(argc, argv, ":c:s:i:h", options, NULL)) != -1)
		r = take_option(a, option, argv);
	if (r >= 0)
		return r;
	if (optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	a->action = argv[optind++];
	if (optind < argc)
		return wrong(argv[optind], "is not expected here");
	if (a->n_interfaces > 1 && strcmp(a->action, "attach"))
		return wrong(a->action, "takes one interface, or none for all");
	return a->interfaces.len ? set(a, "interfaces", a->interfaces.p) : -1;
}

static int attach(const struct rx_options *o)
{
	char error[512];
	struct xdp *x;

	if (!o->n_interfaces)
		return wrong("attach", "needs --interface, or a file with interfaces");
	if (o->mode == RX_UDP)
		return wrong("attach", "is not for xdp.mode off");
	if (xdp_open(&x, o, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return 1;
	}
	xdp_close(x, true);
	return 0;
}

static int detach(const char *pin_path, const char *interface)
{
	char error[512];
	int r = xdp_detach(pin_path, interface, error, sizeof(error));

	if (r < 0) {
		log_error("%s", error);
		return 1;
	}
	if (r == 0 && interface) {
		log_error("%s is not attached under %s", interface, pin_path);
		return 1;
	}
	log_info("%d interface%s detached", r, r == 1 ? "" : "s");
	return 0;
}

static int status(const char *pin_path, const char *interface)
{
	struct buffer out = {0};
	char error[512];
	int r = xdp_status(pin_path, interface, &out, error, sizeof(error));

	if (r < 0)
		log_error("%s", error);
	else if (fwrite(out.p, 1, out.len, stdout) != out.len || fflush(stdout))
		r = -1;
	buffer_free(&out);
	return r < 0 ? 1 : 0;
}

static int run(const struct arguments *a)
{
	struct buffer errors = {0};
	struct settings s;
	int r;

	r = settings_read(&s, a->path, (const char *const *)a->sets, a->n_sets, &errors);
	if (r < 0) {
		fwrite(errors.p, 1, errors.len, stderr);
		r = 1;
	} else if (!strcmp(a->action, "attach")) {
		log_set_level(s.log_level);
		r = attach(&s.rx);
	} else if (!strcmp(a->action, "detach")) {
		r = detach(s.rx.pin_path, a->interface);
	} else if (!strcmp(a->action, "status")) {
		r = status(s.rx.pin_path, a->interface);
	} else {
		r = wrong(a->action, "is not attach, detach or status");
	}
	buffer_free(&errors);
	settings_free(&s);
	return r;
}

int command_xdp(int argc, char **argv)
{
	struct arguments a = {0};
	int r = parse(&a, argc, argv);

	if (r < 0)
		r = run(&a);
	for (unsigned i = 0; i < a.n_sets; i++)
		free(a.sets[i]);
	buffer_free(&a.interfaces);
	return r;
}
