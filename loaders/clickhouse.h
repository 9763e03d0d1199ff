/* A client of ClickHouse's HTTP interface: queries, streamed answers, streamed inserts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CLICKHOUSE_H
#define WEIR_CLICKHOUSE_H

#include <stddef.h>
#include <sys/types.h>

#include "../agent/buffer.h"
#include "load_options.h"

struct clickhouse;

/* Nothing is sent before the first query. NULL: out of memory. o must outlive the client. */
struct clickhouse *clickhouse_open(const struct clickhouse_options *o);
void clickhouse_close(struct clickhouse *c);

/* Each returns 0 or a negative errno, and then clickhouse_error() is one line that says what, with
 * the server's own words: -ECONNREFUSED where it cannot be reached, -EACCES where it refuses the
 * user, -EREMOTEIO where it refuses the query. Credentials go in headers and are never shown. */
int clickhouse_query(struct clickhouse *c, const char *sql, struct buffer *answer); /* NUL-ended */

/* Calls `line` for each line of the answer, without its end and with a NUL behind it; a negative
 * value ends the query and is returned. */
int clickhouse_lines(struct clickhouse *c, const char *sql,
		     int (*line)(char *text, size_t n, void *arg), void *arg);

/* `sql` is INSERT INTO … FORMAT …; `more` fills in up to `room` bytes of the data and returns how
 * many, 0 at the end, negative errno to give up (then nothing that was not complete is kept).
 * `settings` are those of the query as they stand in an address: NAME=VALUE&NAME=VALUE; or NULL. */
int clickhouse_insert(struct clickhouse *c, const char *sql, const char *settings,
		      ssize_t (*more)(char *to, size_t room, void *arg), void *arg);

const char *clickhouse_error(const struct clickhouse *c);

/* Appends text as an SQL string with its quotes, or a name with its backquotes. */
void clickhouse_quote(struct buffer *to, const char *text);
void clickhouse_quote_name(struct buffer *to, const char *name);

#endif
