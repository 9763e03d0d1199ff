/* weir check: says whether a settings file is valid.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../conf/arguments.h"
#include "commands.h"

static const char usage[] =
	"usage: weir check -c FILE [--set KEY=VALUE...]\n\n"
	"Reads the settings as `weir agent` would and tells every fault with its line.\n"
	"Exit status: 0 valid, 1 not valid.\n\n"
	"  -c, --config FILE    the settings\n"
	"  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	"  -q, --quiet          say nothing when all is well\n"
	"  -h, --help           print this\n";

int command_check(int argc, char **argv)
{
	struct settings_arguments a = {.usage = usage, .options = "q"};
	struct settings s;
	int r = settings_arguments(&a, argc, argv, &s);

	if (r >= 0)
		return r;
	if (!a.path)
		fprintf(stderr, "weir check: no file given (-c FILE): only the defaults and --set "
				"were looked at\n");
	if (!a.quiet)
		printf("%s: valid\n", a.path ? a.path : "settings");
	settings_free(&s);
	return 0;
}
