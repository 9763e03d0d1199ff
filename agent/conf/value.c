/* One value: from text to its member and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "table.h"
#include "utf8.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit number_units[] = {
	{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0},
};

static const struct unit size_units[] = {
	{"", 1},	  {"k", 1 << 10},   {"M", 1 << 20},   {"G", 1 << 30},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
};

static const struct unit second_units[] = {
	{"s", 1}, {"", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0},
};

static const struct unit milli_units[] = {
	{"ms", 1},	{"s", 1000},	 {"", 1000}, {"m", 60000},
	{"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static const struct unit *units_of(enum setting_type type)
{
	return type == SETTING_SIZE	 ? size_units
	       : type == SETTING_SECONDS ? second_units
	       : type == SETTING_MILLIS	 ? milli_units
					 : number_units;
}

static uint64_t highest(const struct setting *s)
{
	if (s->max)
		return s->max;
	return s->size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * s->size) - 1;
}

static void store(const struct setting *s, void *to, uint64_t v)
{
	if (s->size == 1)
		*(uint8_t *)to = (uint8_t)v;
	else if (s->size == 2)
		*(uint16_t *)to = (uint16_t)v;
	else if (s->size == 4)
		*(uint32_t *)to = (uint32_t)v;
	else
		*(uint64_t *)to = v;
}

static uint64_t fetch(const struct setting *s, const void *from)
{
	return s->size == 1   ? *(const uint8_t *)from
	       : s->size == 2 ? *(const uint16_t *)from
	       : s->size == 4 ? *(const uint32_t *)from
			      : *(const uint64_t *)from;
}

/* The shortest way of writing v: the largest unit that divides it. */
static void print_units(enum setting_type type, uint64_t v, struct buffer *to)
{
	const struct unit *best = units_of(type);

	for (const struct unit *u = best; v && u->name; u++)
		if (u->factor > best->factor && v % u->factor == 0)
			best = u;
	buffer_uint(to, v / best->factor);
	if (v || type == SETTING_SECONDS || type == SETTING_MILLIS)
		buffer_string(to, best->name);
}

static const char *noun(enum setting_type type)
{
	return type == SETTING_SIZE				   ? "size"
	       : type == SETTING_SECONDS || type == SETTING_MILLIS ? "duration"
								   : "number";
}

static int parse_number(const struct setting *s, void *to, const char *text, struct buffer *why)
{
	const struct unit *u = units_of(s->type);
	uint64_t v = 0;
	char *end = NULL;

	errno = 0;
	if (isdigit((unsigned char)*text))
		v = strtoull(text, &end, 10);
	while (end && u->name && strcmp(u->name, end))
		u++;
	if (!end || errno || !u->name || __builtin_mul_overflow(v, u->factor, &v) || v < s->min ||
	    v > highest(s)) {
		buffer_format(why, "is not a %s between ", noun(s->type));
		print_units(s->type, s->min, why);
		buffer_string(why, " and ");
		print_units(s->type, highest(s), why);
		return -EINVAL;
	}
	if (s->flags & SETTING_POWER_OF_2 && v & (v - 1)) {
		buffer_string(why, "is not a power of two");
		return -EINVAL;
	}
	store(s, to, v);
	return 0;
}

static int parse_bool(void *to, const char *text, struct buffer *why)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(words[i], text)) {
			*(bool *)to = i & 1;
			return 0;
		}
	buffer_string(why, "is neither true nor false");
	return -EINVAL;
}

static void print_choices(const struct setting *s, struct buffer *to)
{
	for (const struct setting_choice *c = s->choices; c->name; c++) {
		buffer_string(to, c == s->choices ? "" : ", ");
		buffer_string(to, c->name);
	}
}

static int parse_choice(const struct setting *s, void *to, const char *text, struct buffer *why)
{
	for (const struct setting_choice *c = s->choices; c->name; c++)
		if (!strcmp(c->name, text)) {
			store(s, to, (uint64_t)c->value);
			return 0;
		}
	buffer_string(why, "is none of ");
	print_choices(s, why);
	return -EINVAL;
}

static int parse_text(void *to, const char *text, struct buffer *why)
{
	char *copy = NULL;

	if (*text && !(copy = strdup(text))) {
		buffer_string(why, "does not fit in memory");
		return -ENOMEM;
	}
	free(*(char **)to);
	*(char **)to = copy;
	return 0;
}

static int parse_name(const struct setting *s, void *to, const char *text, struct buffer *why)
{
	size_t n = strlen(text);

	if (!n || n >= s->size) {
		buffer_format(why, "is not a name of 1 to %zu characters", s->size - 1);
		return -EINVAL;
	}
	memset(to, 0, s->size);
	memcpy(to, text, n);
	return 0;
}

/* Returns the bits of an address, 32 or 128, or 0 when it is none. */
static unsigned read_address(struct ip_addr *to, const char *text)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1) {
		ip_from_v4(to, v4);
		return 32;
	}
	return inet_pton(AF_INET6, text, to->b) == 1 ? 128 : 0;
}

static int parse_address(void *to, const char *text, struct buffer *why)
{
	struct ip_addr a;

	if (!read_address(&a, text)) {
		buffer_string(why, "is not an IPv4 or IPv6 address");
		return -EINVAL;
	}
	memcpy(to, &a, sizeof(a));
	return 0;
}

/* ADDRESS or ADDRESS/LENGTH. Bits behind the length must be zero, as they are most likely a slip.
 */
static int parse_prefix(void *to, const char *text, struct buffer *why)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct ip_addr a;
	unsigned bits = 0;
	unsigned long length;
	char *end;

	if (n < sizeof(address)) {
		memcpy(address, text, n);
		address[n] = '\0';
		bits = read_address(&a, address);
	}
	length = bits;
	if (bits && slash) {
		length = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : bits + 1;
		if (length > bits || *end)
			bits = 0;
	}
	if (!bits) {
		buffer_string(why, "is not a prefix like 192.0.2.0/24 or 2001:db8::/32");
		return -EINVAL;
	}
	length += 128 - bits;
	for (unsigned i = (unsigned)length; i < 128; i++)
		if (a.b[i / 8] & 0x80 >> i % 8) {
			buffer_string(why, "has bits behind its prefix length");
			return -EINVAL;
		}
	memcpy(to, &a, sizeof(a));
	((uint8_t *)to)[sizeof(a)] = (uint8_t)length;
	return 0;
}

int setting_parse(const struct setting *s, void *to, const char *text, struct buffer *why)
{
	switch (s->type) {
	case SETTING_BOOL:
		return parse_bool(to, text, why);
	case SETTING_NUMBER:
	case SETTING_SIZE:
	case SETTING_SECONDS:
	case SETTING_MILLIS:
		return parse_number(s, to, text, why);
	case SETTING_CHOICE:
		return parse_choice(s, to, text, why);
	case SETTING_TEXT:
	case SETTING_SECRET:
		return parse_text(to, text, why);
	case SETTING_NAME:
		return parse_name(s, to, text, why);
	case SETTING_ADDRESS:
		return parse_address(to, text, why);
	case SETTING_PREFIX:
		return parse_prefix(to, text, why);
	case SETTING_PROPERTIES:
		buffer_string(why, "is not a map");
		return -EINVAL;
	case SETTING_MAPS:
		if (s->items == &outputs_table)
			return setting_output_spec(to, text, why);
		buffer_string(why, "is not a map");
		return -EINVAL;
	}
	return -EINVAL;
}

/* True for text that no reader of YAML takes for anything but text. */
static bool is_plain(const char *text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no",
					    "on",   "off",  "y",     "n"};
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789_./+-";

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(words[i], text))
			return false;
	return (isalpha((unsigned char)*text) || *text == '/') &&
	       strspn(text, characters) == strlen(text);
}

/* The character of two or three bytes at p where a reader of YAML would refuse it or take it for
 * the end of a line (YAML 1.1, sections 5.1 and 5.4), else 0. *len is its length. */
static unsigned must_escape(const char *p, size_t *len)
{
	const uint8_t *u = (const uint8_t *)p;
	unsigned c = 0;

	if (!utf8_character(u, strlen(p), len))
		return 0;
	if (*len == 2)
		c = (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU);
	else if (*len == 3)
		c = (u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
	return (c >= 0x80 && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff || c >= 0xfffe
		       ? c
		       : 0;
}

/* A YAML scalar that reads back as the same text whatever it is. */
void setting_print_text(const char *text, struct buffer *to)
{
	if (is_plain(text)) {
		buffer_string(to, text);
		return;
	}
	buffer_char(to, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned wide;
		size_t len;

		if (c >= 0x80 && (wide = must_escape(text, &len))) {
			buffer_format(to, "\\u%04x", wide);
			text += len - 1;
			continue;
		}
		if (c == '"' || c == '\\')
			buffer_format(to, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buffer_format(to, "\\x%02x", c);
		else if (c == '$' && text[1] == '{')
			buffer_string(to, "$$");
		else
			buffer_char(to, (char)c);
	}
	buffer_char(to, '"');
}

static void print_address(const struct ip_addr *a, struct buffer *to)
{
	if (!ip_is_v4(a))
		buffer_char(to, '"');
	buffer_ip(to, a);
	if (!ip_is_v4(a))
		buffer_char(to, '"');
}

static void print_prefix(const uint8_t *p, struct buffer *to)
{
	struct ip_addr a;
	unsigned length = p[sizeof(a)];

	memcpy(&a, p, sizeof(a));
	if (ip_is_v4(&a) && length >= 96) {
		buffer_ip(to, &a);
		buffer_format(to, "/%u", length - 96);
	} else {
		buffer_char(to, '"');
		buffer_ipv6(to, a.b);
		buffer_format(to, "/%u\"", length);
	}
}

void setting_print(const struct setting *s, const void *from, struct buffer *to)
{
	const char *text;

	switch (s->type) {
	case SETTING_BOOL:
		buffer_string(to, *(const bool *)from ? "true" : "false");
		break;
	case SETTING_NUMBER:
		buffer_uint(to, fetch(s, from));
		break;
	case SETTING_SIZE:
	case SETTING_SECONDS:
	case SETTING_MILLIS:
		print_units(s->type, fetch(s, from), to);
		break;
	case SETTING_CHOICE:
		for (const struct setting_choice *c = s->choices; c->name; c++)
			if ((uint64_t)c->value == fetch(s, from))
				buffer_string(to, c->name);
		break;
	case SETTING_TEXT:
		text = *(const char *const *)from;
		setting_print_text(text ? text : "", to);
		break;
	case SETTING_SECRET:
		text = *(const char *const *)from;
		buffer_string(to, text ? "\"***\"" : "\"\"");
		break;
	case SETTING_NAME:
		setting_print_text(from, to);
		break;
	case SETTING_ADDRESS:
		print_address(from, to);
		break;
	case SETTING_PREFIX:
		print_prefix(from, to);
		break;
	case SETTING_PROPERTIES:
	case SETTING_MAPS:
		break;
	}
}

void setting_describe(const struct setting *s, struct buffer *to)
{
	if (s->flags & SETTING_LIST && s->type != SETTING_PROPERTIES && s->type != SETTING_MAPS)
		buffer_string(to, "list: ");
	switch (s->type) {
	case SETTING_BOOL:
		buffer_string(to, "true or false");
		break;
	case SETTING_NUMBER:
	case SETTING_SIZE:
	case SETTING_SECONDS:
	case SETTING_MILLIS:
		buffer_format(to, "%s, ", noun(s->type));
		if (s->flags & SETTING_POWER_OF_2)
			buffer_string(to, "a power of two, ");
		print_units(s->type, s->min, to);
		buffer_string(to, " to ");
		print_units(s->type, highest(s), to);
		break;
	case SETTING_CHOICE:
		print_choices(s, to);
		break;
	case SETTING_TEXT:
		buffer_string(to, "text");
		break;
	case SETTING_SECRET:
		buffer_string(to, "secret");
		break;
	case SETTING_NAME:
		buffer_string(to, s->flags & SETTING_LIST ? "names" : "text");
		break;
	case SETTING_ADDRESS:
		buffer_string(to, "addresses");
		break;
	case SETTING_PREFIX:
		buffer_string(to, s->flags & SETTING_LIST ? "prefixes" : "prefix");
		break;
	case SETTING_PROPERTIES:
		buffer_string(to, "map");
		break;
	case SETTING_MAPS:
		buffer_string(to, "list of maps");
		break;
	}
}
