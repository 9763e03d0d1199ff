/* Documents made from the table of settings: example file, reference page, list for --help.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "print.h"

enum { COLUMNS = 96 };

/* Text in lines of at most COLUMNS, each beginning with `prefix` in that column. */
static void wrap(const char *text, const char *prefix, unsigned column, struct buffer *to)
{
	unsigned at = 0;

	while (*text) {
		unsigned n = (unsigned)strcspn(text, " ");

		if (!at || at + 1 + n > COLUMNS) {
			if (at)
				buffer_char(to, '\n');
			print_indent(to, column);
			buffer_string(to, prefix);
			at = column + (unsigned)strlen(prefix);
		} else {
			buffer_char(to, ' ');
			at++;
		}
		buffer_bytes(to, text, n);
		at += n;
		text += n;
		text += *text == ' ';
	}
	buffer_char(to, '\n');
}

static void heading(const char *section, unsigned column, struct buffer *to)
{
	const char *help = setting_section_help(section);

	if (column)
		return;
	buffer_char(to, '\n');
	if (help)
		wrap(help, "# ", 0, to);
}

/* The default as it would stand in a file. */
static void print_default(const struct setting *s, struct buffer *to)
{
	const char *text = s->fallback ? s->fallback : "";
	bool list = s->flags & SETTING_LIST;

	if (s->type == SETTING_PROPERTIES)
		buffer_string(to, "{}");
	else if (list)
		buffer_format(to, "[%s]", text);
	else
		buffer_string(to, *text ? text : "\"\"");
}

static void comment(const struct setting *s, unsigned column, struct buffer *to)
{
	struct buffer text = {0};

	buffer_string(&text, s->help);
	buffer_string(&text, " (");
	setting_describe(s, &text);
	if (s->example && !(s->flags & (SETTING_SHOWN | SETTING_REQUIRED)))
		buffer_format(&text, "; as in %s", s->example);
	buffer_string(&text, ")");
	buffer_char(&text, '\0');
	if (!text.failed)
		wrap(text.p, "# ", column, to);
	buffer_free(&text);
}

static void example_table(const struct setting_table *t, unsigned indent, bool commented,
			  struct buffer *to);

/* A list of maps: its item in full, live where it is shown, else as comments. */
static void example_items(const struct setting *s, unsigned column, struct buffer *to)
{
	bool shown = s->flags & SETTING_SHOWN;

	buffer_string(to, shown ? "\n" : " []\n");
	print_indent(to, column + 2);
	buffer_string(to, shown ? "-\n" : "# -\n");
	example_table(s->items, column + 4, !shown, to);
}

static void example_table(const struct setting_table *t, unsigned indent, bool commented,
			  struct buffer *to)
{
	const char *before = "";

	for (unsigned i = 0; i < t->n; i++) {
		const struct setting *s = &t->rows[i];
		bool top = !indent && !strchr(s->path, '.');
		unsigned column = print_parents(before, s->path, indent, to, heading);

		before = s->path;
		if (top)
			heading(s->path, 0, to);
		comment(s, column, to);
		print_indent(to, column);
		if (commented)
			buffer_string(to, "# ");
		buffer_format(to, "%s:", print_last_part(s->path));
		if (s->type == SETTING_MAPS) {
			example_items(s, column, to);
			continue;
		}
		buffer_char(to, ' ');
		if (s->flags & (SETTING_SHOWN | SETTING_REQUIRED))
			buffer_string(to, s->example);
		else
			print_default(s, to);
		buffer_char(to, '\n');
	}
}

void settings_example(struct buffer *to)
{
	wrap("Settings of weir. Made by `make docs` from the table of settings: every setting is "
	     "here with its default; what you leave out keeps it. `weir check -c FILE` says whether "
	     "a file is valid, `weir config -c FILE` what is then in force.",
	     "# ", 0, to);
	buffer_string(to, "#\n");
	wrap("Sizes take k, M, G (powers of 1024), numbers too (of 1000); durations ms, s, m, h, d. "
	     "A value may hold ${NAME} or ${NAME:-otherwise}: a variable of the environment, else of "
	     "envs/base.env beside this file. Lists may also be given as text with commas.",
	     "# ", 0, to);
	example_table(&settings_table, 0, false, to);
}

static void escape_cell(const char *text, struct buffer *to)
{
	for (; *text; text++) {
		if (*text == '|')
			buffer_char(to, '\\');
		buffer_char(to, *text);
	}
}

static void reference_row(const struct setting *s, const char *above, struct buffer *to)
{
	buffer_format(to, "| `%s%s` | ", above, s->path);
	setting_describe(s, to);
	buffer_string(to, " | ");
	if (s->flags & SETTING_REQUIRED) {
		buffer_string(to, "required");
	} else {
		buffer_char(to, '`');
		print_default(s, to);
		buffer_char(to, '`');
	}
	buffer_format(to, " | %s | ", s->flags & SETTING_RELOAD ? "taken over" : "");
	escape_cell(s->help, to);
	if (s->example)
		buffer_format(to, " Example: `%s`.", s->example);
	buffer_string(to, " |\n");
}

static const char table_head[] = "| setting | value | default | at SIGHUP | meaning |\n"
				 "|---|---|---|---|---|\n";

static void reference(struct buffer *to)
{
	char group[64] = "", name[64];

	for (unsigned i = 0; i < settings_table.n; i++) {
		const struct setting *s = &settings_table.rows[i];
		size_t n = strcspn(s->path, ".");
		const char *help;

		if (!s->path[n] && s->type != SETTING_MAPS)
			snprintf(name, sizeof(name), "general");
		else
			snprintf(name, sizeof(name), "%.*s", (int)n, s->path);
		if (strcmp(group, name)) {
			help = setting_section_help(name);
			buffer_format(to, "\n## %s\n\n%s%s%s", name, help ? help : "",
				      help ? "\n\n" : "", table_head);
			strcpy(group, name);
		}
		reference_row(s, "", to);
		if (s->type != SETTING_MAPS)
			continue;
		buffer_format(to, "\n### An item of %s\n\n%s", s->path, table_head);
		for (unsigned k = 0; k < s->items->n; k++)
			reference_row(&s->items->rows[k], "", to);
	}
}

void settings_reference(struct buffer *to)
{
	buffer_string(
		to,
		"# Settings\n\n"
		"Made by `make docs` from the table of settings (`agent/conf/settings_table.c`).\n\n"
		"- The file is YAML; `conf.example/weir.yaml` holds every setting with its default.\n"
		"- `weir check -c FILE` tells every fault with its line; `weir config -c FILE` prints\n"
		"  what is in force, with secrets as `***`.\n"
		"- `--set KEY=VALUE` of `agent`, `check` and `config` stands above the file: "
		"`--set exporters.rate_limit=50k`,\n"
		"  `--set listen.ports=2055,9995`, `--set 'outputs[0].topic=flows'`, "
		"`--set outputs=kafka:broker:9092/flows`;\n"
		"  but for secrets, which the list of processes would show.\n"
		"- Sizes take k, M, G as powers of 1024 (also KiB, MiB, GiB), numbers as powers of\n"
		"  1000; durations take ms, s, m, h, d, and seconds where no unit is given.\n"
		"- A value may hold `${NAME}` or `${NAME:-otherwise}`: a variable of the environment,\n"
		"  else of `envs/base.env` beside the file. `$${` stands for `${` itself.\n"
		"- `xdp.mode: native` and `xdp: {mode: native}` are the same.\n"
		"- A setting that stands twice, an unknown one and a bad value are errors.\n"
		"- At SIGHUP the file is read again. What is marked \"taken over\" comes into force; a\n"
		"  change of another setting is reported and waits for a restart. A bad file changes\n"
		"  nothing.\n");
	reference(to);
}

void settings_help(struct buffer *to)
{
	for (unsigned i = 0; i < settings_table.n; i++) {
		const struct setting *s = &settings_table.rows[i];
		const char *items = "";

		for (unsigned k = 0; s->items ? k < s->items->n : k < 1; k++) {
			const struct setting *r = s->items ? &s->items->rows[k] : s;

			items = s->items ? r->path : "";
			buffer_format(to, "  %s%s%s (", s->path, s->items ? "[N]." : "", items);
			setting_describe(r, to);
			if (r->fallback && *r->fallback)
				buffer_format(to, "; default %s", r->fallback);
			buffer_string(to, ")\n");
			wrap(r->help, "", 6, to);
		}
	}
}
