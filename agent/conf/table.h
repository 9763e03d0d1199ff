/* What one row of the table of settings says, and how to walk the table.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_TABLE_H
#define WEIR_CONF_TABLE_H

#include "settings.h"

enum setting_type {
	SETTING_BOOL,	    /* bool */
	SETTING_NUMBER,	    /* unsigned; k, M, G are powers of 1000 */
	SETTING_SIZE,	    /* unsigned, bytes; k, M, G (also KiB, MiB, GiB) are powers of 1024 */
	SETTING_SECONDS,    /* unsigned; ms is refused, s (or nothing), m, h, d */
	SETTING_MILLIS,	    /* unsigned, milliseconds; ms, s (or nothing), m, h, d */
	SETTING_CHOICE,	    /* an enum: one of `choices` */
	SETTING_TEXT,	    /* char *, NULL where empty */
	SETTING_NAME,	    /* char[size] */
	SETTING_ADDRESS,    /* struct ip_addr */
	SETTING_PREFIX,	    /* struct ip_addr, then a uint8_t of prefix length */
	SETTING_SECRET,	    /* as TEXT, never shown */
	SETTING_PROPERTIES, /* a map that is handed on: struct kafka_property[] */
	SETTING_MAPS,	    /* list of maps that `items` describes */
};

enum setting_flags {
	SETTING_LIST = 1,	/* items of that type, inline in an array … */
	SETTING_ALLOCATED = 2,	/* … or in an allocated one */
	SETTING_POWER_OF_2 = 4, /* numbers */
	SETTING_RELOAD = 8,	/* taken over at SIGHUP */
	SETTING_REQUIRED = 16,	/* in an item of a list of maps */
	SETTING_SHOWN = 32,	/* the example file has the example, not the default */
};

struct setting_choice {
	const char *name;
	int value;
};

struct setting_table;

struct setting {
	const char *path; /* "exporters.rate_limit"; in an item's table from the item on */
	enum setting_type type;
	unsigned flags;
	size_t offset, size;  /* of the member; of one item where it is a list */
	size_t count_offset;  /* lists: an unsigned */
	unsigned max_items;   /* lists */
	uint64_t min, max;    /* numbers, in the unit that is stored; 0, 0: any */
	const char *fallback; /* the default as written in the file; NULL: "" or [] */
	const char *example;  /* what the example file shows, commented out */
	const struct setting_choice *choices; /* ends with a NULL name */
	const struct setting_table *items;
	const char *help;
};

/* A struct that settings live in, with its rows in the order of the documents. */
struct setting_table {
	const struct setting *rows;
	unsigned n;
};

/* Headings of the documents: what stands before the first row of a section. */
struct setting_section {
	const char *name, *help;
};

extern const struct setting_table settings_table; /* of struct settings */
extern const struct setting_table outputs_table;  /* of struct output_options */
const char *setting_section_help(const char *name);

const struct setting *setting_find(const struct setting_table *t, const char *path);

/* The known path that looks most like this one, or NULL when none is near. */
const char *setting_suggest(const struct setting_table *t, const char *path);

/* Puts one value into the member at `to`, which holds a valid value of its type. 0 or -EINVAL, and
 * then `why` says what is allowed ("is not a number between 1 and 65535"). */
int setting_parse(const struct setting *s, void *to, const char *text, struct buffer *why);

/* Writes a value so that it can be read back, as a YAML scalar; secrets as ***. */
void setting_print(const struct setting *s, const void *from, struct buffer *to);

/* The same for any text. */
void setting_print_text(const char *text, struct buffer *to);

/* Frees what one value of this type owns and zeroes it. */
void setting_clear(const struct setting *s, void *value);

/* The member in a struct that the row's table describes, and for lists its items. */
void *setting_member(const struct setting *s, const void *base);
unsigned setting_count(const struct setting *s, const void *base);
void *setting_item(const struct setting *s, const void *base, unsigned i);

/* Appends an item: zeroed, maps with their defaults. NULL when max_items is reached. */
void *setting_append(const struct setting *s, void *base);

/* Sets a member from text; of lists all items, comma-separated. The second adds one item.
 * 0 or -EINVAL and why, as setting_parse(). */
int setting_assign(const struct setting *s, void *base, const char *text, struct buffer *why);
int setting_assign_item(const struct setting *s, void *base, const char *text, struct buffer *why);
void setting_clear_list(const struct setting *s, void *base);

/* Defaults of all rows; frees all rows. */
int setting_defaults(const struct setting_table *t, void *base);
void setting_clear_all(const struct setting_table *t, void *base);

/* "number, 1 to 65535", for the reference and the comments of the example. */
void setting_describe(const struct setting *s, struct buffer *to);

/* Splits file:PATH or kafka:BROKERS/TOPIC into the item of `outputs`. */
int setting_output_spec(void *output, const char *spec, struct buffer *why);

/* A whole member on one line, lists and maps in YAML's flow style. */
void setting_print_member(const struct setting *s, const void *base, struct buffer *to);
bool setting_equal(const struct setting *s, const void *a, const void *b);

/* The checks that take more than one setting; tells each fault. 0 or -EINVAL. */
typedef void (*settings_fault)(const char *key, const char *text, void *arg);
int settings_check(const struct settings *s, settings_fault fault, void *arg);

/* On which line of the file a setting stands. */
struct setting_lines {
	struct setting_line {
		char *key;
		unsigned line;
	} * p;
	unsigned n;
};

int settings_load_lines(struct settings *s, const char *path, struct setting_lines *lines,
			struct buffer *errors);
unsigned setting_lines_find(const struct setting_lines *l, const char *key); /* 0: none */
void setting_lines_free(struct setting_lines *l);

/* Replaces ${NAME}, ${NAME:-otherwise} and $${ in text. NULL with errno, and *missing (malloced)
 * names a variable that is not set. */
struct environment;
struct environment *environment_new(const char *settings_path);
char *environment_expand(const struct environment *e, const char *text, char **missing);
void environment_free(struct environment *e);

#endif
