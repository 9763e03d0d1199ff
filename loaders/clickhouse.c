/* A client of ClickHouse's HTTP interface.
 * SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clickhouse.h"

enum { LINE_MAX_BYTES = 64 << 20, ERROR_BODY = 4096 };

struct clickhouse {
	const struct clickhouse_options *o;
	CURL *curl;
	struct curl_slist *headers;
	char error[1024];
};

/* One exchange. */
struct exchange {
	struct clickhouse *c;
	struct buffer *answer; /* where all of it goes; or: */
	struct buffer line;    /* what is there of the next line */
	struct buffer refusal; /* the body of an answer that is an error */
	int (*each)(char *text, size_t n, void *arg);
	ssize_t (*more)(char *to, size_t room, void *arg);
	void *arg;
	const char *settings; /* of the query, as in an address */
	int result;
};

static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
	struct curl_slist *longer = NULL;
	struct buffer b = {0};

	if (!value || !*value)
		return list;
	buffer_string(&b, name);
	buffer_string(&b, ": ");
	for (; *value; value++) /* a line end would be another header */
		if ((unsigned char)*value >= ' ')
			buffer_char(&b, *value);
	buffer_char(&b, '\0');
	if (!b.failed)
		longer = curl_slist_append(list, b.p);
	if (b.p)
		explicit_bzero(b.p, b.len);
	buffer_free(&b);
	return longer ? longer : list;
}

struct clickhouse *clickhouse_open(const struct clickhouse_options *o)
{
	struct clickhouse *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->o = o;
	c->curl = curl_easy_init();
	if (!c->curl) {
		free(c);
		return NULL;
	}
	c->headers = header(NULL, "X-ClickHouse-User", o->username);
	c->headers = header(c->headers, "X-ClickHouse-Key", o->password);
	c->headers = header(c->headers, "X-ClickHouse-Database", o->database);
	c->headers = curl_slist_append(c->headers, "Expect:");
	return c;
}

void clickhouse_close(struct clickhouse *c)
{
	if (!c)
		return;
	for (struct curl_slist *h = c->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(c->headers);
	curl_easy_cleanup(c->curl);
	free(c);
}

const char *clickhouse_error(const struct clickhouse *c)
{
	return c->error;
}

void clickhouse_quote(struct buffer *to, const char *text)
{
	buffer_char(to, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buffer_char(to, '\\');
		buffer_char(to, *text);
	}
	buffer_char(to, '\'');
}

void clickhouse_quote_name(struct buffer *to, const char *name)
{
	buffer_char(to, '`');
	for (; *name; name++) {
		if (*name == '`' || *name == '\\')
			buffer_char(to, '\\');
		buffer_char(to, *name);
	}
	buffer_char(to, '`');
}

/* Hands on the complete lines that have come, and the rest at the end. */
static int hand_on(struct exchange *x, bool end)
{
	char *from = x->line.p, *to = x->line.p + x->line.len, *newline;
	int r = 0;

	if (!x->line.len)
		return 0;
	while (!r && from < to && (newline = memchr(from, '\n', (size_t)(to - from)))) {
		*newline = '\0';
		r = x->each(from, (size_t)(newline - from), x->arg);
		from = newline + 1;
	}
	x->line.len = (size_t)(to - from);
	memmove(x->line.p, from, x->line.len);
	if (!r && end && x->line.len) {
		buffer_char(&x->line, '\0');
		if (!x->line.failed)
			r = x->each(x->line.p, x->line.len - 1, x->arg);
	}
	if (!r && (x->line.failed || x->line.len > LINE_MAX_BYTES))
		r = -ENOMEM;
	return r;
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(x->c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		if (x->refusal.len < ERROR_BODY)
			buffer_bytes(&x->refusal, p, n);
		return n;
	}
	if (x->each) {
		buffer_bytes(&x->line, p, n);
		x->result = memchr(p, '\n', n) || x->line.failed ? hand_on(x, false) : 0;
		return x->result < 0 ? 0 : n;
	}
	if (x->answer)
		buffer_bytes(x->answer, p, n);
	return x->answer && x->answer->failed ? 0 : n;
}

static size_t give(char *to, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	ssize_t got = x->more(to, size * n, x->arg);

	if (got < 0)
		x->result = (int)got;
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* The first line of what the server says, as "Code: 60. DB::Exception: Table … doesn't exist". */
static int refused(struct clickhouse *c, long status, struct buffer *body)
{
	size_t n;

	buffer_char(body, '\0');
	n = body->failed ? 0 : strcspn(body->p, "\n");
	snprintf(c->error, sizeof(c->error), "ClickHouse at %s:%u answers %ld: %.*s", c->o->host,
		 c->o->port, status, (int)(n < 700 ? n : 700), body->failed ? "" : body->p);
	return status == 401 || status == 403 || status == 516 ? -EACCES : -EREMOTEIO;
}

static int outcome(struct exchange *x, CURLcode code, const char *detail)
{
	struct clickhouse *c = x->c;
	long status = 0;

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (x->result < 0) {
		if (!*c->error)
			snprintf(c->error, sizeof(c->error), "%s", strerror(-x->result));
		return x->result;
	}
	if (status && status != 200)
		return refused(c, status, &x->refusal);
	if (!code && x->each)
		return hand_on(x, true);
	if (!code)
		return 0;
	snprintf(c->error, sizeof(c->error), "ClickHouse at %s:%u: %s", c->o->host, c->o->port,
		 *detail ? detail : curl_easy_strerror(code));
	return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ? -ECONNREFUSED
										   : -EIO;
}

static int url(struct clickhouse *c, const char *sql, const char *settings, struct buffer *to)
{
	char *escaped = sql ? curl_easy_escape(c->curl, sql, 0) : NULL;
	bool v6 = strchr(c->o->host, ':') && *c->o->host != '[';

	buffer_format(to, "%s://%s%s%s:%u/?wait_end_of_query=%d", c->o->secure ? "https" : "http",
		      v6 ? "[" : "", c->o->host, v6 ? "]" : "", c->o->port, sql ? 1 : 0);
	if (sql) {
		buffer_string(to, "&query=");
		buffer_string(to, escaped ? escaped : "");
	}
	if (settings)
		buffer_format(to, "&%s", settings);
	buffer_char(to, '\0');
	curl_free(escaped);
	return to->failed || (sql && !escaped) ? -ENOMEM : 0;
}

/* Sends `sql` as the body, or, where x->more gives the body, in the address. */
static int exchange(struct exchange *x, const char *sql)
{
	struct clickhouse *c = x->c;
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist chunked = {.data = (char *)"Transfer-Encoding: chunked",
				     .next = c->headers};
	struct buffer address = {0};
	int r = url(c, x->more ? sql : NULL, x->settings, &address);

	*c->error = '\0';
	if (r)
		goto out;
	curl_easy_reset(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_URL, address.p);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, x->more ? &chunked : c->headers);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, 30L);
	curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)c->o->timeout);
	curl_easy_setopt(c->curl, CURLOPT_BUFFERSIZE, 512L << 10);
	curl_easy_setopt(c->curl, CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
	curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
	if (c->o->ca)
		curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->o->ca);
	if (x->more) {
		curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, give);
		curl_easy_setopt(c->curl, CURLOPT_READDATA, x);
	} else {
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, sql);
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(sql));
	}
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, x);
	r = outcome(x, curl_easy_perform(c->curl), detail);
out:
	buffer_free(&address);
	buffer_free(&x->line);
	buffer_free(&x->refusal);
	return r;
}

int clickhouse_query(struct clickhouse *c, const char *sql, struct buffer *answer)
{
	struct buffer unwanted = {0};
	struct exchange x = {.c = c, .answer = answer ? answer : &unwanted};
	int r = exchange(&x, sql);

	buffer_char(x.answer, '\0');
	if (!r && x.answer->failed)
		r = -ENOMEM;
	buffer_free(&unwanted);
	return r;
}

int clickhouse_lines(struct clickhouse *c, const char *sql,
		     int (*line)(char *text, size_t n, void *arg), void *arg)
{
	struct exchange x = {.c = c, .each = line, .arg = arg};

	return exchange(&x, sql);
}

int clickhouse_insert(struct clickhouse *c, const char *sql, const char *settings,
		      ssize_t (*more)(char *to, size_t room, void *arg), void *arg)
{
	struct exchange x = {.c = c, .more = more, .settings = settings, .arg = arg};

	return exchange(&x, sql);
}
