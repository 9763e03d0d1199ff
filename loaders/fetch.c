/* Brings a source to a local file.
 * SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch.h"

enum { REDIRECTS_MAX = 10 };

struct transfer {
	const struct fetch_request *q;
	FILE *to;
	uint64_t done;
	bool too_big, stopped;
};

bool fetch_is_url(const char *source)
{
	return !strncmp(source, "http://", 7) || !strncmp(source, "https://", 8);
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	t->done += n;
	if (t->done > t->q->max_bytes) {
		t->too_big = true;
		return 0;
	}
	return fwrite(p, 1, n, t->to);
}

static int tell(void *arg, curl_off_t total, curl_off_t done, curl_off_t up, curl_off_t upped)
{
	struct transfer *t = arg;

	(void)up;
	(void)upped;
	t->stopped = t->q->progress && t->q->progress((uint64_t)done, (uint64_t)total, t->q->arg);
	return t->stopped;
}

static int status_error(long status)
{
	if (status == 404 || status == 410)
		return -ENOENT;
	if (status == 401 || status == 403)
		return -EACCES;
	return -EIO;
}

/* The source without what may be secret in it: user and password, and the query. */
static void show(const char *source, char *to, size_t room)
{
	const char *host = strstr(source, "://");
	size_t slash = host ? strcspn(host + 3, "/?#") : 0;
	const char *at = host ? memrchr(host + 3, '@', slash) : NULL;

	snprintf(to, room, "%.*s%.*s", host ? (int)(host + 3 - source) : 0, source,
		 (int)strcspn(at     ? at + 1
			      : host ? host + 3
				     : source,
			      "?#"),
		 at	? at + 1
		 : host ? host + 3
			: source);
}

static int failed(const struct transfer *t, CURLcode code, long status, const char *detail,
		  char *error, size_t error_size)
{
	char shown[512];

	show(t->q->source, shown, sizeof(shown));
	if (t->stopped)
		return -EINTR;
	if (t->too_big) {
		snprintf(error, error_size, "%s: more than the %llu bytes of load.max_size", shown,
			 (unsigned long long)t->q->max_bytes);
		return -EFBIG;
	}
	if (code == CURLE_HTTP_RETURNED_ERROR) {
		snprintf(error, error_size, "%s: the server answers %ld%s", shown, status,
			 status == 401 || status == 403 ? " (are the credentials right?)" : "");
		return status_error(status);
	}
	snprintf(error, error_size, "%s: %s", shown, *detail ? detail : curl_easy_strerror(code));
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static CURLcode set_up(CURL *c, struct transfer *t, char *detail)
{
	const struct fetch_request *q = t->q;
	CURLcode r = curl_easy_setopt(c, CURLOPT_URL, q->source);

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)q->timeout);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, tell);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (q->user && q->password) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, q->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, q->password);
	}
	return r;
}

static int download(const struct fetch_request *q, struct fetched *to, char *error,
		    size_t error_size)
{
	struct transfer t = {.q = q};
	char detail[CURL_ERROR_SIZE] = "";
	CURL *c = NULL;
	long status = 0;
	CURLcode code;
	int fd, r = -ENOMEM;

	snprintf(to->path, sizeof(to->path), "%s/.fetch-XXXXXX", q->directory);
	fd = mkostemp(to->path, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		snprintf(error, error_size, "%s: cannot make a file there: %s", q->directory,
			 strerror(-r));
		return r;
	}
	to->temporary = true;
	t.to = fdopen(fd, "w");
	c = curl_easy_init();
	if (!t.to || !c)
		goto out;
	code = set_up(c, &t, detail);
	if (!code)
		code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	r = code ? failed(&t, code, status, detail, error, error_size) : 0;
	if (!r && fflush(t.to)) {
		r = -errno;
		snprintf(error, error_size, "%s: %s", to->path, strerror(-r));
	}
out:
	if (r == -ENOMEM)
		snprintf(error, error_size, "out of memory");
	if (t.to)
		fclose(t.to);
	else
		close(fd);
	curl_easy_cleanup(c);
	if (r)
		fetch_done(to);
	return r;
}

int fetch(const struct fetch_request *q, struct fetched *to, char *error, size_t error_size)
{
	const char *path = q->source;
	struct stat st;
	int r;

	memset(to, 0, sizeof(*to));
	if (fetch_is_url(path))
		return download(q, to, error, error_size);
	if (!strncmp(path, "file://", 7))
		path += 7;
	if (strlen(path) >= sizeof(to->path)) {
		snprintf(error, error_size, "'%.40s…': the path is too long", path);
		return -ENAMETOOLONG;
	}
	strcpy(to->path, path);
	if (stat(path, &st)) {
		r = -errno;
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return r;
	}
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > q->max_bytes) {
		snprintf(error, error_size, "%s: more than the %llu bytes of load.max_size", path,
			 (unsigned long long)q->max_bytes);
		return -EFBIG;
	}
	return 0;
}

void fetch_done(struct fetched *f)
{
	if (f->temporary)
		unlink(f->path);
	f->temporary = false;
}
