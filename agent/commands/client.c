/* What the commands share that ask a running agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../conf/settings.h"
#include "../ops/control.h"
#include "client.h"

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"socket", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"exporters", required_argument, NULL, 'n'},
	{"reference", no_argument, NULL, 'r'},
	{"sort", required_argument, NULL, 'k'},
	{"interval", required_argument, NULL, 'i'},
	{"count", required_argument, NULL, 'N'},
	{NULL, 0, NULL, 0},
};

/* control.socket of the settings file, or of the defaults. */
static char *configured_socket(const char *path)
{
	struct buffer errors = {0};
	struct settings s;
	char *name = NULL;

	if (settings_read(&s, path, NULL, 0, &errors))
		fwrite(errors.p, 1, errors.len, stderr);
	else if (!s.ops.control_socket)
		fprintf(stderr, "%s: control.socket is empty: the agent does not listen\n", path);
	else
		name = strdup(s.ops.control_socket);
	buffer_free(&errors);
	settings_free(&s);
	return name;
}

static int wrong(char **argv, const char *argument, const char *text)
{
	fprintf(stderr, "weir %s: '%s' %s; `weir %s --help` tells what it takes\n", argv[0],
		argument, text, argv[0]);
	return 2;
}

/* Whether this command has the option; those of all are true. */
static bool has_option(const struct client *c, int option)
{
	switch (option) {
	case 'n':
		return c->takes_exporters || c->takes_sort;
	case 'r':
		return c->takes_exporters;
	case 'k':
		return c->takes_sort;
	case 'i':
	case 'N':
		return c->takes_live;
	default:
		return true;
	}
}

static bool read_number(const char *text, unsigned *to)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*to = v < UINT32_MAX ? (unsigned)v : UINT32_MAX;
	return *text >= '0' && *text <= '9' && !*end;
}

int client_arguments(struct client *c, int argc, char **argv)
{
	const char *path = NULL, *socket = NULL;
	unsigned *number;
	int option;

	c->exporters = 50;
	c->interval = 1;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":c:S:jhn:", options, NULL)) != -1) {
		number = option == 'n'	 ? &c->exporters
			 : option == 'i' ? &c->interval
			 : option == 'N' ? &c->count
					 : NULL;
		if (!has_option(c, option))
			return wrong(argv, argv[optind - 1 - (optarg == argv[optind - 1])],
				     "is not an option");
		if (number && !read_number(optarg, number))
			return wrong(argv, optarg, "is not a number");
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'S':
			socket = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'k':
			c->sort = optarg;
			break;
		case 'i':
		case 'n':
		case 'N':
			break;
		case 'r':
			c->reference = true;
			return -1;
		case 'h':
			fputs(c->usage, stdout);
			return 0;
		case ':':
			return wrong(argv, argv[optind - 1], "needs a value");
		default:
			return wrong(argv, argv[optind - 1], "is not an option");
		}
	}
	if (optind < argc && c->takes_address)
		c->address = argv[optind++];
	if (optind < argc)
		return wrong(argv, argv[optind], "is one argument too many");
	c->socket = socket ? strdup(socket) : configured_socket(path);
	return c->socket ? -1 : 1;
}

void client_free(struct client *c)
{
	free(c->socket);
}

json_t *client_ask(const struct client *c, const char *command, const char *request,
		   struct buffer *raw)
{
	int r = control_ask(c->socket, request, raw);
	json_error_t error;
	json_t *o;

	if (r == -ENOENT || r == -ECONNREFUSED) {
		fprintf(stderr,
			"weir %s: no agent answers at %s; is it running, and is this its "
			"control.socket (-c FILE, --socket PATH)?\n",
			command, c->socket);
		return NULL;
	}
	if (r) {
		fprintf(stderr, "weir %s: %s: %s\n", command, c->socket,
			r == -EACCES ? "permission denied; be root or in the socket's group"
				     : strerror(-r));
		return NULL;
	}
	o = json_loadb(raw->p, raw->len, 0, &error);
	if (!json_is_object(o) || json_object_get(o, "error")) {
		fprintf(stderr, "weir %s: what answers at %s is no agent of this version: %s\n",
			command, c->socket,
			json_is_object(o) ? client_text(o, "error") : error.text);
		json_decref(o);
		return NULL;
	}
	return o;
}

uint64_t client_number(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

const char *client_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

bool client_flag(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}
