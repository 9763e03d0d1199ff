/* A table on the terminal.
 * SPDX-License-Identifier: Apache-2.0 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "columns.h"

enum { COLUMNS_MAX = 16 };

const char *grouped(uint64_t v, char text[32])
{
	char *p = text + 31;
	unsigned digits = 0;

	*p = '\0';
	do {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + v % 10);
		digits++;
	} while (v /= 10);
	return p;
}

void columns_text(struct columns *c, const char *text)
{
	for (; *text; text++)
		buffer_char(&c->cells, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	buffer_char(&c->cells, '\0');
}

void columns_number(struct columns *c, uint64_t v)
{
	char text[32];

	columns_text(c, grouped(v, text));
}

unsigned columns_of_terminal(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) ? w.ws_col : 0;
}

/* Gives columns that do not fit the width -1. */
static void leave_out(const struct columns *c, int *width)
{
	for (const char *spare = c->width && c->spare ? c->spare : ""; *spare; spare++) {
		unsigned sum = 0;

		for (unsigned k = 0; k < c->n; k++)
			sum += width[k] < 0 ? 0 : (unsigned)width[k] + 2;
		if (sum <= c->width)
			return;
		width[*spare - 1] = -1;
	}
}

static void print_cell(const char *text, int width, bool right, bool last, FILE *to)
{
	if (width < 0)
		return;
	if (right)
		fprintf(to, "  %*s", width, text);
	else
		fprintf(to, "  %-*s", last ? 0 : width, text);
}

void columns_print(struct columns *c, FILE *to)
{
	int width[COLUMNS_MAX] = {0};
	bool headed = false;
	unsigned i = 0;

	for (unsigned k = 0; k < c->n; k++) {
		width[k] = (int)strlen(c->heads[k]) - (c->heads[k][0] == '>');
		headed = headed || width[k];
	}
	for (size_t at = 0; at < c->cells.len; at += strlen(c->cells.p + at) + 1, i++) {
		int n = (int)strlen(c->cells.p + at);

		if (n > width[i % c->n])
			width[i % c->n] = n;
	}
	leave_out(c, width);
	for (unsigned k = 0; headed && k < c->n; k++) {
		bool right = c->heads[k][0] == '>';

		print_cell(c->heads[k] + right, width[k], right, k + 1 == c->n, to);
	}
	if (headed)
		fputc('\n', to);
	i = 0;
	for (size_t at = 0; at < c->cells.len; at += strlen(c->cells.p + at) + 1, i++) {
		bool last = (i + 1) % c->n == 0;

		print_cell(c->cells.p + at, width[i % c->n], c->heads[i % c->n][0] == '>', last,
			   to);
		if (last)
			fputc('\n', to);
	}
	buffer_free(&c->cells);
}
