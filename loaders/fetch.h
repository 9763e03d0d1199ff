/* Brings a source to a local file: a path as it is, http(s) by way of libcurl.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FETCH_H
#define WEIR_FETCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch_request {
	const char *source; /* path, file://… or http(s)://…; % of a date is not replaced here */
	const char *directory;	     /* where a download goes */
	const char *user, *password; /* basic authentication; NULL: none */
	uint64_t max_bytes;	     /* a larger source is refused */
	unsigned timeout;	     /* s without a byte */
	/* Called now and then; true ends the transfer with -EINTR. total is 0 where unknown. */
	bool (*progress)(uint64_t done, uint64_t total, void *arg);
	void *arg;
};

struct fetched {
	char path[PATH_MAX];
	bool temporary; /* fetch_done() removes it */
};

/* Returns 0 and the file, or a negative errno and one line in `error` (which never holds the
 * password): -ENOENT where the file or the page (404, 410) is not there, -EACCES (401, 403),
 * -EFBIG, -ETIMEDOUT, -EINTR, else -EIO. Redirects are followed from http(s) to http(s); user and
 * password go to the first host only. */
int fetch(const struct fetch_request *q, struct fetched *to, char *error, size_t error_size);
void fetch_done(struct fetched *f);

bool fetch_is_url(const char *source);

#endif
