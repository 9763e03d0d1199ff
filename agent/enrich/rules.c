/* Classification of exporters and interfaces by regular expressions.
 * SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rules.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	GROUPS = 10,
	MATCH_LIMIT = 100000, /* steps: an expression that explodes finds nothing */
};

struct rule {
	const struct enrich_rule *of;
	pcre2_code *exporter, *interface, *description;
};

struct rules {
	unsigned n;
	pcre2_match_context *context;
	struct rule rules[];
};

/* Groups of the last expression that was found. */
struct found {
	struct text groups[GROUPS];
};

static pcre2_code *compile(const char *pattern, const char *what, char *error, size_t size)
{
	PCRE2_SIZE at;
	PCRE2_UCHAR text[120];
	pcre2_code *code;
	int number;

	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &number, &at,
			     NULL);
	if (!code) {
		pcre2_get_error_message(number, text, sizeof(text));
		snprintf(error, size, "%s '%s': %s at character %zu", what, pattern,
			 (const char *)text, (size_t)at + 1);
		return NULL;
	}
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where it cannot: slower, not wrong */
	return code;
}

static void rule_free(struct rule *r)
{
	pcre2_code_free(r->exporter);
	pcre2_code_free(r->interface);
	pcre2_code_free(r->description);
}

static bool rule_init(struct rule *r, const struct enrich_rule *of, char *error, size_t size)
{
	*r = (struct rule){.of = of};
	if (!of->exporter && !of->interface && !of->description) {
		snprintf(error, size, "needs an expression: exporter, interface or description");
		return false;
	}
	if ((of->exporter && !(r->exporter = compile(of->exporter, "exporter", error, size))) ||
	    (of->interface && !(r->interface = compile(of->interface, "interface", error, size))) ||
	    (of->description &&
	     !(r->description = compile(of->description, "description", error, size))))
		return false;
	return true;
}

const char *enrich_check_rule(const struct enrich_rule *of, char *error, size_t size)
{
	struct rule r;
	bool ok = rule_init(&r, of, error, size);

	rule_free(&r);
	return ok ? NULL : error;
}

struct rules *rules_new(const struct enrich_rule *of, unsigned n, char *error, size_t size)
{
	struct rules *r;

	*error = '\0';
	if (!n)
		return NULL;
	r = calloc(1, sizeof(*r) + n * sizeof(r->rules[0]));
	if (!r || !(r->context = pcre2_match_context_create(NULL))) {
		snprintf(error, size, "out of memory");
		free(r);
		return NULL;
	}
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	for (; r->n < n; r->n++)
		if (!rule_init(&r->rules[r->n], &of[r->n], error, size)) {
			rule_free(&r->rules[r->n]);
			rules_free(r);
			return NULL;
		}
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->n; i++)
		rule_free(&r->rules[i]);
	pcre2_match_context_free(r->context);
	free(r);
}

static bool find(const struct rules *r, const pcre2_code *code, const struct text *in,
		 struct found *f)
{
	pcre2_match_data *match;
	PCRE2_SIZE *at;
	int n;

	if (!in->len)
		return false;
	match = pcre2_match_data_create(GROUPS, NULL);
	if (!match)
		return false;
	n = pcre2_match(code, (PCRE2_SPTR)in->p, in->len, 0, PCRE2_NO_UTF_CHECK, match, r->context);
	if (n == 0)
		n = GROUPS;
	if (n > 0) {
		memset(f, 0, sizeof(*f));
		at = pcre2_get_ovector_pointer(match);
		for (int i = 0; i < n; i++)
			if (at[2 * i] != PCRE2_UNSET && at[2 * i + 1] >= at[2 * i])
				f->groups[i] = (struct text){in->p + at[2 * i],
							     (uint32_t)(at[2 * i + 1] - at[2 * i])};
	}
	pcre2_match_data_free(match);
	return n > 0;
}

/* In the name, else in the address. */
static bool find_exporter(const struct rules *r, const struct rule *rule, const struct text *name,
			  const struct text *address, struct found *f)
{
	return !rule->exporter || find(r, rule->exporter, name, f) ||
	       find(r, rule->exporter, address, f);
}

static void fill(struct interner *in, struct text *to, const char *with, const struct found *f)
{
	char text[INFO_TEXT_MAX];
	size_t n = 0;

	if (!with || to->len)
		return;
	for (; *with && n < sizeof(text); with++) {
		const struct text *g = NULL;

		if (*with == '$' && with[1] >= '0' && with[1] <= '9')
			g = &f->groups[*++with - '0'];
		if (!g) {
			text[n++] = *with;
			continue;
		}
		for (uint32_t i = 0; i < g->len && n < sizeof(text); i++)
			text[n++] = g->p[i];
	}
	*to = intern_text(in, text, n);
}

void rules_device(const struct rules *r, struct interner *in, const struct text *name,
		  const struct text *address, struct device_info *d)
{
	for (unsigned i = 0; r && i < r->n; i++) {
		const struct rule *rule = &r->rules[i];
		struct found f = {0};

		if (rule->interface || rule->description ||
		    !find_exporter(r, rule, name, address, &f))
			continue;
		fill(in, &d->group, rule->of->group, &f);
		fill(in, &d->role, rule->of->role, &f);
		fill(in, &d->site, rule->of->site, &f);
		fill(in, &d->region, rule->of->region, &f);
		fill(in, &d->tenant, rule->of->tenant, &f);
	}
}

void rules_interface(const struct rules *r, struct interner *in, const struct text *name,
		     const struct text *address, struct interface_info *to)
{
	for (unsigned i = 0; r && i < r->n; i++) {
		const struct rule *rule = &r->rules[i];
		struct found f = {0};

		if (!find_exporter(r, rule, name, address, &f) ||
		    (rule->interface && !find(r, rule->interface, &to->name, &f)) ||
		    (rule->description && !find(r, rule->description, &to->description, &f)))
			continue;
		fill(in, &to->connectivity, rule->of->connectivity, &f);
		fill(in, &to->provider, rule->of->provider, &f);
		fill(in, &to->boundary, rule->of->boundary, &f);
	}
}
