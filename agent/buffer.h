/* A growing byte buffer and the few ways of writing text into it that all printers share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For printing records as sent, status pages and the like. The encoders of the packet path have
 * their own writers into buffers of known size. */
#ifndef WEIR_BUFFER_H
#define WEIR_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "flow.h"

struct buffer {
	char *p;
	size_t len, cap;
	bool failed; /* out of memory: later writes do nothing */
};

void buffer_free(struct buffer *b);
static inline void buffer_clear(struct buffer *b)
{
	b->len = 0;
}

/* Makes room for n more bytes and returns where they go, or NULL (and failed is set). */
char *buffer_reserve(struct buffer *b, size_t n);

void buffer_bytes(struct buffer *b, const void *p, size_t n);
void buffer_string(struct buffer *b, const char *s);
void buffer_char(struct buffer *b, char c);
void buffer_uint(struct buffer *b, uint64_t v);
void buffer_int(struct buffer *b, int64_t v);
__attribute__((format(printf, 2, 3))) void buffer_format(struct buffer *b, const char *format, ...);

void buffer_hex(struct buffer *b, const uint8_t *p, size_t n); /* lower case, no 0x */
void buffer_mac(struct buffer *b, const uint8_t mac[6]);       /* aa:bb:.. */
void buffer_ipv4(struct buffer *b, const uint8_t v4[4]);
void buffer_ipv6(struct buffer *b, const uint8_t v6[16]);  /* as inet_ntop(AF_INET6) */
void buffer_ip(struct buffer *b, const struct ip_addr *a); /* IPv4 where it is mapped */

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buffer_json_string(struct buffer *b, const char *p, size_t n);

#endif
