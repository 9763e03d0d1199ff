/* weir xdp: attach, detach or show the XDP program without running the agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../loaders/xdp.h"
#include "../buffer.h"
#include "../log.h"
#include "commands.h"

static const struct rx_options defaults = {
	.ports = {2055, 4739, 6343},
	.n_ports = 3,
	.mode = RX_AUTO,
	.frame_size = 4096,
	.max_exporters = 65536,
	.keep_attached = true,
	.pin_path = "/sys/fs/bpf/weir",
};

static int usage(FILE *to)
{
	fprintf(to,
		"usage: weir xdp attach --interface IF... [--port PORT...] [--mode MODE]\n"
		"                       [--max-exporters N] [--pin-path DIR]\n"
		"       weir xdp detach [--interface IF] [--pin-path DIR]\n"
		"       weir xdp status [--interface IF] [--pin-path DIR]\n\n"
		"Attaches the XDP program, takes it off, or shows what it counted. An agent does "
		"this by\nitself; attached beforehand, the program counts exporters and passes "
		"their datagrams on.\n\n"
		"  -i, --interface IF    may be repeated for attach; detach and status: default "
		"all\n"
		"  -p, --port PORT       may be repeated; default 2055, 4739 and 6343\n"
		"      --mode MODE       native, generic, or auto (default): native, else generic\n"
		"      --max-exporters N entries of the table of exporters, as in the settings of "
		"the agent\n"
		"                        that takes over (default 65536)\n"
		"      --pin-path DIR    on a BPF file system, default /sys/fs/bpf/weir\n");
	return to == stdout ? 0 : 2;
}

static int wrong(const char *what, const char *text, const char *allowed)
{
	fprintf(stderr, "weir xdp: %s '%s': %s\n", what, text, allowed);
	return 2;
}

static bool parse_number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *out > 0 && *out <= max;
}

static int add_interface(struct rx_options *o, const char *name)
{
	if (!*name || strlen(name) >= RX_INTERFACE_NAME || strchr(name, '/'))
		return wrong("interface", name, "not a name of 1 to 15 bytes");
	if (o->n_interfaces == RX_INTERFACES_MAX)
		return wrong("interface", name, "more than 16");
	strcpy(o->interfaces[o->n_interfaces++], name);
	return 0;
}

static int parse(struct rx_options *o, int argc, char **argv)
{
	static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
						{"port", required_argument, NULL, 'p'},
						{"mode", required_argument, NULL, 'm'},
						{"max-exporters", required_argument, NULL, 'e'},
						{"pin-path", required_argument, NULL, 'P'},
						{"help", no_argument, NULL, 'h'},
						{}};
	static const char *const modes[] = {
		[RX_AUTO] = "auto", [RX_NATIVE] = "native", [RX_GENERIC] = "generic"};
	bool own_ports = false;
	unsigned long n;
	int c, r;

	while ((c = getopt_long(argc, argv, "i:p:h", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			r = add_interface(o, optarg);
			if (r)
				return r;
			break;
		case 'p':
			o->n_ports = own_ports ? o->n_ports : 0;
			own_ports = true;
			if (!parse_number(optarg, 65535, &n) || o->n_ports == RX_PORTS_MAX)
				return wrong("port", optarg, "1 to 65535, at most 32 of them");
			o->ports[o->n_ports++] = (uint16_t)n;
			break;
		case 'm':
			for (r = RX_AUTO; r <= RX_GENERIC && strcmp(optarg, modes[r]); r++)
				;
			if (r > RX_GENERIC)
				return wrong("mode", optarg, "auto, native or generic");
			o->mode = (enum rx_mode)r;
			break;
		case 'e':
			if (!parse_number(optarg, 1 << 24, &n))
				return wrong("max-exporters", optarg, "1 to 16777216");
			o->max_exporters = (uint32_t)n;
			break;
		case 'P':
			if (strlen(optarg) >= sizeof(o->pin_path))
				return wrong("pin-path", optarg, "too long");
			strcpy(o->pin_path, optarg);
			break;
		case 'h':
			exit(usage(stdout));
		default:
			return usage(stderr);
		}
	}
	return optind < argc ? wrong("argument", argv[optind], "not expected here") : 0;
}

static int attach(const struct rx_options *o)
{
	struct xdp *x;
	char error[512];

	if (!o->n_interfaces)
		return wrong("attach", "", "needs --interface");
	if (xdp_open(&x, o, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return 1;
	}
	xdp_close(x, true);
	return 0;
}

static int detach(const struct rx_options *o)
{
	char error[512];
	int r = xdp_detach(o->pin_path, o->n_interfaces ? o->interfaces[0] : NULL, error,
			   sizeof(error));

	if (r < 0) {
		log_error("%s", error);
		return 1;
	}
	if (r == 0 && o->n_interfaces) {
		log_error("%s is not attached under %s", o->interfaces[0], o->pin_path);
		return 1;
	}
	log_info("%d interface%s detached", r, r == 1 ? "" : "s");
	return 0;
}

static int status(const struct rx_options *o)
{
	struct buffer out = {};
	char error[512];
	int r = xdp_status(o->pin_path, o->n_interfaces ? o->interfaces[0] : NULL, &out, error,
			   sizeof(error));

	if (r < 0)
		log_error("%s", error);
	else
		fwrite(out.p, 1, out.len, stdout);
	buffer_free(&out);
	return r < 0 || fflush(stdout) ? 1 : 0;
}

int command_xdp(int argc, char **argv)
{
	struct rx_options o = defaults;
	int r;

	if (argc < 2)
		return usage(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return usage(stdout);
	r = parse(&o, argc - 1, argv + 1);
	if (r)
		return r;
	if (!strcmp(argv[1], "attach"))
		return attach(&o);
	if (o.n_interfaces > 1)
		return wrong("interface", o.interfaces[1], "detach and status take one, or all");
	if (!strcmp(argv[1], "detach"))
		return detach(&o);
	if (!strcmp(argv[1], "status"))
		return status(&o);
	return wrong("action", argv[1], "attach, detach or status");
}
