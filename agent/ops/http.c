/* HTTP by libmicrohttpd, driven from the ops thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "../log.h"
#include "http.h"

enum { CONNECTIONS_MAX = 32, CONNECTION_MEMORY = 16384, CONNECTION_TIMEOUT = 10 /* s */ };

struct http {
	struct MHD_Daemon *daemon;
	http_page page;
	void *arg;
};

int http_address(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2], *end;
	size_t n = colon ? (size_t)(colon - text) : 0;
	unsigned long port;

	memset(address, 0, sizeof(*address));
	if (!n || n >= sizeof(host) || !isdigit((unsigned char)colon[1]))
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535)
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof(*v4);
		return 0;
	}
	if (host[0] != '[' || host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	*len = sizeof(*v6);
	return 0;
}

static int listen_at(const char *text)
{
	struct sockaddr_storage address;
	socklen_t len;
	int fd, one = 1, r = http_address(text, &address, &len);

	if (r)
		return r;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, CONNECTIONS_MAX)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct http *h = arg;
	struct buffer page = {0};
	struct MHD_Response *response;
	enum MHD_Result r;
	unsigned status;

	(void)version;
	(void)upload;
	if (!*state) { /* the headers are there; the answer is asked for at the end of the request
			*/
		*state = h;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0; /* what is sent to us is thrown away */
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
		buffer_string(&page, "only GET and HEAD\n");
	} else {
		status = h->page(url, &page, h->arg);
	}
	if (page.failed || !page.p) {
		buffer_free(&page);
		return MHD_NO;
	}
	response = MHD_create_response_from_buffer(page.len, page.p, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		buffer_free(&page);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				"text/plain; version=0.0.4; charset=utf-8");
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

struct http *http_open(const char *listen, http_page page, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));
	int fd = h ? listen_at(listen) : -ENOMEM;

	if (fd < 0) {
		log_error("metrics at %s: %s; set metrics.listen", listen,
			  fd == -EINVAL ? "not ADDRESS:PORT" : strerror(-fd));
		free(h);
		return NULL;
	}
	h->page = page;
	h->arg = arg;
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, answer, h, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (!h->daemon) {
		log_error("metrics at %s: the HTTP server does not start", listen);
		close(fd);
		free(h);
		return NULL;
	}
	return h;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon); /* closes the socket, too */
	free(h);
}

int http_fd(struct http *h, int *timeout_ms)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	MHD_UNSIGNED_LONG_LONG left;

	if (MHD_get_timeout(h->daemon, &left) == MHD_YES &&
	    (*timeout_ms < 0 || left < (MHD_UNSIGNED_LONG_LONG)*timeout_ms))
		*timeout_ms = (int)left;
	return info->epoll_fd;
}

void http_run(struct http *h)
{
	MHD_run(h->daemon);
}
