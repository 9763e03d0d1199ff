/* What every `weir load …` has: settings, sources, progress, signals.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../agent/clock.h"
#include "../agent/conf/table.h"
#include "../agent/log.h"
#include "load.h"

enum { MONTHS_BACK = 6, PROGRESS_EVERY_NS = 200000000 };

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = number;
}

void load_catch_signals(void)
{
	struct sigaction a = {.sa_handler = stop};

	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool load_stopped(void)
{
	return stopped;
}

bool load_sleep(unsigned seconds)
{
	const uint64_t second = 1000000000u, end = clock_monotonic_ns() + seconds * second;

	do {
		uint64_t now = clock_monotonic_ns();
		struct timespec part = {.tv_sec = 1};

		if (now >= end)
			break;
		/* A signal between check and sleep waits a second at most. */
		if (end - now < second)
			part = (struct timespec){.tv_nsec = (long)(end - now)};
		nanosleep(&part, NULL);
	} while (!stopped);
	return stopped;
}

int load_fail(struct load *l, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(l->error, sizeof(l->error), format, ap);
	va_end(ap);
	return -code;
}

const char *load_variable(struct load *l, const char *name)
{
	char ask[128], *missing = NULL, *value, *comment, **more;

	snprintf(ask, sizeof(ask), "${%s:-}", name);
	value = environment_expand(l->environment, ask, &missing);
	free(missing);
	if (value) {
		comment = strstr(value, " #");
		if (comment)
			*comment = '\0';
		while (*value && value[strlen(value) - 1] == ' ')
			value[strlen(value) - 1] = '\0';
	}
	more = value && *value ? realloc(l->variables, (l->n_variables + 1) * sizeof(*more)) : NULL;
	if (!more) {
		free(value);
		return NULL;
	}
	l->variables = more;
	return more[l->n_variables++] = value;
}

static bool is_true(const char *text)
{
	return !strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcmp(text, "1");
}

int load_begin(struct load *l, const struct load_options *o, const struct clickhouse_options *at)
{
	const char *text;
	char *end;

	l->o = o;
	l->at = *at;
	l->environment = environment_new(l->settings ? l->settings : "");
	if (!l->environment)
		return load_fail(l, ENOMEM, "out of memory");
#define TAKE(member, name)                                   \
	do {                                                 \
		text = load_variable(l, "CLICKHOUSE_" name); \
		if (text)                                    \
			l->at.member = (char *)text;         \
	} while (0)
	TAKE(host, "HOST");
	TAKE(database, "DATABASE");
	TAKE(username, "USERNAME");
	TAKE(password, "PASSWORD");
#undef TAKE
	text = load_variable(l, "CLICKHOUSE_PORT");
	if (text) {
		unsigned long port = strtoul(text, &end, 10);

		if (*end || !port || port > 65535)
			return load_fail(l, EINVAL,
					 "CLICKHOUSE_PORT is '%s': 1 to 65535 is allowed", text);
		l->at.port = (unsigned)port;
	}
	text = load_variable(l, "CLICKHOUSE_SECURE");
	if (text)
		l->at.secure = is_true(text);
	text = load_variable(l, "CLICKHOUSE_METADATA_FORCE_UPDATE");
	if (text && is_true(text))
		l->force = true;
	if (!l->at.host)
		return 0;
	l->clickhouse = clickhouse_open(&l->at);
	return l->clickhouse ? 0 : load_fail(l, ENOMEM, "out of memory");
}

void load_end(struct load *l)
{
	clickhouse_close(l->clickhouse);
	environment_free(l->environment);
	for (unsigned i = 0; i < l->n_variables; i++) {
		explicit_bzero(l->variables[i], strlen(l->variables[i]));
		free(l->variables[i]);
	}
	free(l->variables);
	l->clickhouse = NULL;
	l->environment = NULL;
	l->variables = NULL;
	l->n_variables = 0;
}

int load_sources(struct load *l, const char *variable, const char *setting, char **list,
		 char *names[], unsigned max)
{
	const char *text = variable ? load_variable(l, variable) : NULL;
	unsigned n = 0;
	char *rest;

	*list = NULL;
	for (; n < l->n_sources && n < max; n++)
		names[n] = l->sources[n];
	if (l->n_sources > max)
		return load_fail(l, E2BIG, "'%s' is one source too many: %u are taken",
				 l->sources[max], max);
	text = text ? text : setting;
	if (n || !text)
		return (int)n;
	*list = rest = strdup(text);
	if (!rest)
		return load_fail(l, ENOMEM, "out of memory");
	for (char *name; (name = strsep(&rest, ","));) {
		name += strspn(name, " \t\"");
		name[strcspn(name, "\"")] = '\0';
		while (*name && name[strlen(name) - 1] == ' ')
			name[strlen(name) - 1] = '\0';
		if (!*name)
			continue;
		if (n == max) {
			free(*list);
			*list = NULL;
			return load_fail(l, E2BIG, "'%s' is one source too many: %u are taken",
					 name, max);
		}
		names[n++] = name;
	}
	return (int)n;
}

static bool tell_download(uint64_t done, uint64_t total, void *arg)
{
	load_progress(arg, "download, bytes", done, total);
	return stopped;
}

/* Replaces %Y, %m and %d. Returns whether there was one, or a negative errno. */
static int date(const char *source, unsigned months_back, struct buffer *to)
{
	time_t now = time(NULL);
	struct tm tm;
	int month, found = 0;

	gmtime_r(&now, &tm);
	month = (tm.tm_year + 1900) * 12 + tm.tm_mon - (int)months_back;
	for (const char *p = source; *p; p++) {
		if (*p == '%' && (p[1] == 'Y' || p[1] == 'm' || p[1] == 'd')) {
			p++;
			found = 1;
			buffer_format(to, "%02d",
				      *p == 'Y'	  ? month / 12
				      : *p == 'm' ? month % 12 + 1
						  : 1);
		} else {
			buffer_char(to, *p);
		}
	}
	buffer_char(to, '\0');
	return to->failed ? -ENOMEM : found;
}

int load_fetch(struct load *l, const char *source, unsigned months_back, struct fetched *to)
{
	struct buffer name = {0};
	struct fetch_request q = {.directory = l->history,
				  .max_bytes = l->o->max_bytes,
				  .timeout = l->o->timeout,
				  .progress = tell_download,
				  .arg = l};
	int r = date(source, months_back, &name);

	if (r < 0) {
		buffer_free(&name);
		return load_fail(l, ENOMEM, "out of memory");
	}
	q.source = name.p;
	if (!strncmp(name.p, "https://download.maxmind.com/", 29)) {
		q.user = load_variable(l, "MAXMIND_ACCOUNT_ID");
		q.password = load_variable(l, "MAXMIND_LICENSE_KEY");
	}
	r = fetch(&q, to, l->error, sizeof(l->error));
	if (r == -EINTR)
		load_fail(l, EINTR, "stopped");
	load_progress_end(l);
	buffer_free(&name);
	return r;
}

int load_fetch_dated(struct load *l, const char *source, struct fetched *to)
{
	struct buffer name = {0};
	int dated = date(source, 0, &name), r = -ENOENT;

	buffer_free(&name);
	if (dated < 0)
		return load_fail(l, ENOMEM, "out of memory");
	for (unsigned back = 0; back <= (dated ? MONTHS_BACK : 0) && r == -ENOENT; back++) {
		r = load_fetch(l, source, back, to);
		if (!r && back)
			log_info("load %s: took the file of %u month%s ago: %s", l->name, back,
				 back > 1 ? "s" : "", source);
	}
	return r;
}

const char *load_count(uint64_t n, char text[16])
{
	if (n < 100000)
		snprintf(text, 16, "%u", (unsigned)n);
	else if (n < 1000000)
		snprintf(text, 16, "%u k", (unsigned)(n / 1000));
	else
		snprintf(text, 16, "%u.%u M", (unsigned)(n / 1000000 % 1000000),
			 (unsigned)(n / 100000 % 10));
	return text;
}

int load_lock(struct load *l, const char *directory, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/.%s.lock", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return load_fail(l, errno, "%s: %s", path, strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	log_info("load %s: waits for another weir load that writes %s", l->name, name);
	if (flock(fd, LOCK_EX)) {
		load_fail(l, errno, "%s: %s", path, strerror(errno));
		close(fd);
		return -EIO;
	}
	return fd;
}

void load_progress(struct load *l, const char *what, uint64_t done, uint64_t total)
{
	uint64_t now;
	char text[16], of[16];

	if (!l->terminal)
		return;
	now = clock_monotonic_ns();
	if (now - l->shown < PROGRESS_EVERY_NS)
		return;
	l->shown = now;
	load_count(done, text);
	if (total)
		fprintf(stderr, "\r\033[K  %s: %s %s of %s (%u %%)", l->name, what, text,
			load_count(total, of), (unsigned)(done * 100 / total));
	else
		fprintf(stderr, "\r\033[K  %s: %s %s", l->name, what, text);
}

void load_progress_end(struct load *l)
{
	if (l->terminal && l->shown)
		fputs("\r\033[K", stderr);
	l->shown = 0;
}
