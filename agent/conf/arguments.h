/* The command line of the commands that only look at settings.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_ARGUMENTS_H
#define WEIR_CONF_ARGUMENTS_H

#include "settings.h"

enum { SETTINGS_SETS_MAX = 64 };

struct settings_arguments {
	const char *usage;
	const char *options; /* letters taken beside -c, -s, -h: of q, l, e, r, j; + for operands */
	const char *path;
	const char *sets[SETTINGS_SETS_MAX];
	unsigned n_sets;
	bool quiet, list, example, reference, json;
	int first; /* operand in argv */
};

/* Reads the arguments and then the settings. Returns -1 when s is ready (and the caller frees it),
 * else the exit status: all has been said. */
int settings_arguments(struct settings_arguments *a, int argc, char **argv, struct settings *s);

#endif
