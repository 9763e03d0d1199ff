/* A table on the terminal: columns as wide as their widest cell.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COLUMNS_H
#define WEIR_COLUMNS_H

#include <stdio.h>

#include "../buffer.h"

struct columns {
	const char *const *heads; /* one for each column; those that begin with '>' align right */
	unsigned n;
	unsigned width; /* of the screen; 0: as wide as it gets */
	/* Columns by their number from 1 on, in the order in which they are left out where the
	 * screen is too narrow; NULL: none. */
	const char *spare;
	/* A column by its number from 1 on that is shortened to no less than `least` before others
	 * are left out; 0: none. Of the first its middle is cut out, of others the end. */
	unsigned shorten, least;
	struct buffer cells; /* NUL-terminated, row by row */
};

/* Adds the next cell. Control characters become '?', as names come from elsewhere. */
void columns_text(struct columns *c, const char *text);
void columns_number(struct columns *c, uint64_t v); /* 1,234,567 */

/* Prints heads and rows, indented by two; forgets the rows. */
void columns_print(struct columns *c, FILE *to);

/* Prints text between words on as many lines as it takes, those after the first indented by two.
 * width 0: on one line. */
void print_wrapped(const char *text, unsigned width, FILE *to);

/* Of the terminal that standard output is; {0, 0} where it is none, and all may be printed. */
struct screen {
	unsigned columns, rows;
};
struct screen screen_size(void);

/* v with commas between thousands, in a place of the caller's. */
const char *grouped(uint64_t v, char text[32]);

#endif
