/* The command line of the commands that only look at settings.
 * SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "arguments.h"

static const struct option known[] = {
	{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},	  {"quiet", no_argument, NULL, 'q'},
	{"list", no_argument, NULL, 'l'},	  {"example", no_argument, NULL, 'e'},
	{"reference", no_argument, NULL, 'r'},	  {"json", no_argument, NULL, 'j'},
};

/* The options of this command as getopt wants them. */
static void choose(const char *letters, struct option *options, char *brief)
{
	*brief++ = ':';
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strchr("csh", known[i].val) && !strchr(letters, known[i].val))
			continue;
		*options++ = known[i];
		*brief++ = (char)known[i].val;
		if (known[i].has_arg)
			*brief++ = ':';
	}
	memset(options, 0, sizeof(*options));
	*brief = '\0';
}

static int wrong(char **argv, const char *argument, const char *text)
{
	fprintf(stderr, "weir %s: '%s' %s; `weir %s --help` tells what it takes\n", argv[0],
		argument, text, argv[0]);
	return 2;
}

static int parse(struct settings_arguments *a, int argc, char **argv)
{
	struct option options[sizeof(known) / sizeof(*known) + 1];
	char brief[2 * sizeof(known) / sizeof(*known) + 2];
	int option;

	choose(a->options, options, brief);
	optind = 1;
	while ((option = getopt_long(argc, argv, brief, options, NULL)) != -1) {
		switch (option) {
		case 'c':
			a->path = optarg;
			break;
		case 's':
			if (a->n_sets == SETTINGS_SETS_MAX)
				return wrong(argv, optarg, "is one --set too many");
			a->sets[a->n_sets++] = optarg;
			break;
		case 'q':
			a->quiet = true;
			break;
		case 'l':
			a->list = true;
			break;
		case 'e':
			a->example = true;
			break;
		case 'r':
			a->reference = true;
			break;
		case 'j':
			a->json = true;
			break;
		case 'h':
			fputs(a->usage, stdout);
			return 0;
		case ':':
			return wrong(argv, argv[optind - 1], "needs a value");
		default:
			return wrong(argv, argv[optind - 1], "is not an option");
		}
	}
	a->first = optind;
	if (optind < argc && !strchr(a->options, '+'))
		return wrong(argv, argv[optind], "is one argument too many");
	return -1;
}

int settings_arguments(struct settings_arguments *a, int argc, char **argv, struct settings *s)
{
	struct buffer errors = {0};
	int r = parse(a, argc, argv);

	if (r >= 0)
		return r;
	if (!settings_read(s, a->path, a->sets, a->n_sets, &errors))
		return -1;
	fwrite(errors.p, 1, errors.len, stderr);
	buffer_free(&errors);
	settings_free(s);
	return 1;
}
