/* weir audit: the balance from interface to acknowledgement.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "columns.h"
#include "commands.h"

static const char usage[] =
	"usage: weir audit [-c FILE | --socket PATH] [--json]\n\n"
	"Asks a running agent for its accounts and says whether they close: at each stage,\n"
	"what came in is what went out, what was dropped and why, and what is on its way.\n"
	"Exit status: 0 they close, 1 they do not, or no agent answers.\n\n"
	"  -c, --config FILE    the agent's settings, for its control.socket\n"
	"  -S, --socket PATH    the control socket itself\n"
	"  -j, --json           one JSON object with all terms\n"
	"  -h, --help           print this\n";

/* What counted anything of what is outside of the balances. */
static void print_elsewhere(const json_t *terms)
{
	static const char *const heads[] = {">", ""};
	struct columns c = {.heads = heads, .n = 2};
	const json_t *t;
	size_t i;

	json_array_foreach(terms, i, t)
	{
		uint64_t v = client_number(t, "value");

		if (!v)
			continue;
		columns_number(&c, v);
		columns_text(&c, client_text(t, "name"));
	}
	if (c.cells.len)
		printf("\nnot in these: dropped or passed on before, or lost on the way to us\n");
	columns_print(&c, stdout);
}

static uint64_t add_terms(struct columns *c, const char *sign, const json_t *terms)
{
	const json_t *t;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach(terms, i, t)
	{
		uint64_t v = client_number(t, "value");

		sum += v;
		columns_text(c, sign);
		columns_number(c, v);
		columns_text(c, client_text(t, "name"));
	}
	return sum;
}

static void print_balance(const json_t *b)
{
	static const char *const heads[] = {"", ">", ""};
	struct columns c = {.heads = heads, .n = 3};
	json_int_t difference = json_integer_value(json_object_get(b, "difference"));
	bool closed = client_flag(b, "closed");
	char text[32];
	uint64_t in;

	in = add_terms(&c, "+", json_object_get(b, "in"));
	add_terms(&c, "-", json_object_get(b, "out"));
	printf("\n%s: %s\n", client_text(b, "title"), grouped(in, text));
	columns_print(&c, stdout);
	if (closed && !difference)
		printf("  = 0: closed\n");
	else if (closed)
		printf("  = %s %s at this moment: closed\n", grouped((uint64_t)difference, text),
		       client_text(b, "on_way"));
	else if (difference > 0)
		printf("  = %s UNACCOUNTED FOR\n", grouped((uint64_t)difference, text));
	else
		printf("  = %s MORE WENT OUT THAN CAME IN\n", grouped((uint64_t)-difference, text));
}

int command_audit(int argc, char **argv)
{
	struct client client = {.usage = usage};
	struct buffer raw = {0};
	bool closed = false;
	json_t *o;
	int r = client_arguments(&client, argc, argv);

	if (r >= 0)
		return r;
	o = client_ask(&client, argv[0], "audit", &raw);
	closed = client_flag(o, "closed");
	if (o && client.json) {
		fwrite(raw.p, 1, raw.len, stdout);
	} else if (o) {
		const json_t *b;
		size_t i;

		printf("%s\n", closed ? "The accounts close." : "THE ACCOUNTS DO NOT CLOSE.");
		json_array_foreach(json_object_get(o, "balances"), i, b)
		{
			print_balance(b);
		}
		print_elsewhere(json_object_get(o, "elsewhere"));
	}
	r = closed && !fflush(stdout) ? 0 : 1;
	json_decref(o);
	buffer_free(&raw);
	client_free(&client);
	return r;
}
