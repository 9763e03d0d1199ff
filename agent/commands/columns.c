/* A table on the terminal.
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
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

struct screen screen_size(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return (struct screen){0, 0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
		return (struct screen){80, 24};
	return (struct screen){w.ws_col, w.ws_row};
}

static bool begins_letter(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80; /* of UTF-8 */
}

static int letters(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += begins_letter(*text);
	return n;
}

static const char *skip_letters(const char *text, int n)
{
	for (; *text && (n > 0 || !begins_letter(*text)); text++)
		n -= begins_letter(*text);
	return text;
}

void print_wrapped(const char *text, unsigned width, FILE *to)
{
	int room = width > 20 ? (int)width : width ? 20 : INT_MAX;

	for (int at = 0; *text; text++) {
		int word = (int)strcspn(text, " ");

		if (*text == ' ' && at + 1 + (int)strcspn(text + 1, " ") > room && at > room / 2) {
			fputs("\n  ", to);
			at = 2;
			continue;
		}
		if (at == room && word) {
			fputs("\n  ", to);
			at = 2;
		}
		at += begins_letter(*text);
		fputc(*text, to);
	}
	fputc('\n', to);
}

static unsigned sum_of(const struct columns *c, const int *width)
{
	unsigned sum = 0;

	for (unsigned k = 0; k < c->n; k++)
		sum += width[k] < 0 ? 0 : (unsigned)width[k] + 2;
	return sum;
}

/* Makes the one narrower that may be, by as much as it takes. */
static void shorten(const struct columns *c, int *width)
{
	unsigned sum = sum_of(c, width), k = c->shorten - 1;

	if (!c->width || !c->shorten || sum <= c->width || width[k] <= (int)c->least)
		return;
	width[k] -= (int)(sum - c->width);
	if (width[k] < (int)c->least)
		width[k] = (int)c->least;
}

/* Gives columns that do not fit the width -1. */
static void leave_out(const struct columns *c, int *width)
{
	const char *spare = c->width && c->spare ? c->spare : "";

	for (; *spare && sum_of(c, width) > c->width; spare++)
		width[*spare - 1] = -1;
}

static void print_short(const char *text, int width, bool middle, FILE *to)
{
	int n = letters(text), tail = middle ? width / 2 : 0, head = width - 1 - tail;

	fprintf(to, "%.*s…%s", (int)(skip_letters(text, head) - text), text,
		skip_letters(text, n - tail));
}

static void print_cell(const char *text, int width, bool right, bool first, bool last, FILE *to)
{
	int pad = width - letters(text);

	if (width < 0)
		return;
	fprintf(to, "  %*s", right && pad > 0 ? pad : 0, "");
	if (pad < 0)
		print_short(text, width, first, to);
	else
		fputs(text, to);
	fprintf(to, "%*s", right || last || pad < 0 ? 0 : pad, "");
}

void columns_print(struct columns *c, FILE *to)
{
	int width[COLUMNS_MAX] = {0};
	bool headed = false;
	unsigned i = 0;
	int full;

	for (unsigned k = 0; k < c->n; k++) {
		width[k] = (int)strlen(c->heads[k]) - (c->heads[k][0] == '>');
		headed = headed || width[k];
	}
	for (size_t at = 0; at < c->cells.len; at += strlen(c->cells.p + at) + 1, i++) {
		int n = letters(c->cells.p + at);

		if (n > width[i % c->n])
			width[i % c->n] = n;
	}
	full = width[c->shorten ? c->shorten - 1 : 0];
	shorten(c, width);
	leave_out(c, width);
	if (c->shorten) { /* as much of it as there is room for now */
		width[c->shorten - 1] = full;
		shorten(c, width);
	}
	for (unsigned k = 0; headed && k < c->n; k++) {
		bool right = c->heads[k][0] == '>';

		print_cell(c->heads[k] + right, width[k], right, k == 0, k + 1 == c->n, to);
	}
	if (headed)
		fputc('\n', to);
	i = 0;
	for (size_t at = 0; at < c->cells.len; at += strlen(c->cells.p + at) + 1, i++) {
		bool last = (i + 1) % c->n == 0;

		print_cell(c->cells.p + at, width[i % c->n], c->heads[i % c->n][0] == '>',
			   i % c->n == 0, last, to);
		if (last)
			fputc('\n', to);
	}
	buffer_free(&c->cells);
}
