/* weir config: prints the settings in force, and the documents made from their table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../conf/arguments.h"
#include "commands.h"

static const char usage[] =
	"usage: weir config [-c FILE] [--set KEY=VALUE...]\n"
	"       weir config --list | --example | --reference\n\n"
	"Prints the settings in force as YAML, secrets as ***.\n\n"
	"  -c, --config FILE    the settings; without it the defaults\n"
	"  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	"  -l, --list           print every setting with its values, default and meaning\n"
	"  -e, --example        print a complete, commented settings file\n"
	"  -r, --reference      print the reference page (Markdown)\n"
	"  -h, --help           print this\n";

int command_config(int argc, char **argv)
{
	struct settings_arguments a = {.usage = usage, .options = "ler"};
	struct buffer out = {0};
	struct settings s;
	int r = settings_arguments(&a, argc, argv, &s);

	if (r >= 0)
		return r;
	if (a.list)
		settings_help(&out);
	else if (a.example)
		settings_example(&out);
	else if (a.reference)
		settings_reference(&out);
	else
		settings_print(&s, &out);
	r = out.failed || fwrite(out.p, 1, out.len, stdout) != out.len || fflush(stdout);
	buffer_free(&out);
	settings_free(&s);
	return r ? 1 : 0;
}
