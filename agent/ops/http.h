/* HTTP: /metrics, /healthz, /readyz.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OPS_HTTP_H
#define WEIR_OPS_HTTP_H

#include <sys/socket.h>

#include "../buffer.h"

struct http;

/* Writes the page at path and returns its HTTP status; 404: there is none. */
typedef unsigned (*http_page)(const char *path, struct buffer *page, void *arg);

/* Reads "127.0.0.1:9331" or "[::1]:9331". 0 or -EINVAL. */
int http_address(const char *text, struct sockaddr_storage *address, socklen_t *len);

/* Listens there. NULL with one message logged. */
struct http *http_open(const char *listen, http_page page, void *arg);
void http_close(struct http *h);

/* Readable when http_run() should be called; *timeout_ms (-1: none) is lowered to when it must. */
int http_fd(struct http *h, int *timeout_ms);
void http_run(struct http *h);

#endif
