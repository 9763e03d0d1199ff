/* The copies themselves: each kind as a loop over records.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "compile.h"

static const uint64_t NTP_TO_UNIX = 2208988800u; /* s from 1900 to 1970 */

/* Big-endian numbers to numbers. Always inlined with constant length and width, so that each pair
 * becomes a loop of its own. */
static inline __attribute__((always_inline)) void copy_uint(const uint8_t *from, size_t length,
							    size_t step, uint8_t *to, size_t width,
							    size_t to_step, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++, from += step, to += to_step) {
		uint64_t v = length == 8   ? be64(from)
			     : length == 4 ? be32(from)
			     : length == 2 ? be16(from)
					   : be_uint(from, length);

		memcpy(to, &v, width);
	}
}

static void copy_uint_any(const struct copy_op *op, const uint8_t *from, uint32_t length,
			  size_t step, uint8_t *to, size_t to_step, uint32_t n)
{
	switch (length << 4 | op->width) {
	case 0x11:
		copy_uint(from, 1, step, to, 1, to_step, n);
		break;
	case 0x12:
		copy_uint(from, 1, step, to, 2, to_step, n);
		break;
	case 0x14:
		copy_uint(from, 1, step, to, 4, to_step, n);
		break;
	case 0x22:
		copy_uint(from, 2, step, to, 2, to_step, n);
		break;
	case 0x24:
		copy_uint(from, 2, step, to, 4, to_step, n);
		break;
	case 0x44:
		copy_uint(from, 4, step, to, 4, to_step, n);
		break;
	case 0x48:
		copy_uint(from, 4, step, to, 8, to_step, n);
		break;
	case 0x88:
		copy_uint(from, 8, step, to, 8, to_step, n);
		break;
	default:
		copy_uint(from, length, step, to, op->width, to_step, n);
	}
}

static bool member_is_zero(const uint8_t *to, const struct copy_op *op)
{
	static const uint8_t zero[sizeof(struct ip_addr)];
	struct ip_addr a;

	if (op->width != sizeof(a))
		return memcmp(to, zero, op->width) == 0;
	memcpy(&a, to, sizeof(a));
	return ip_is_zero(&a);
}

static uint64_t ntp_ns(const uint8_t *p, bool micros)
{
	uint64_t seconds = be32(p), fraction = be32(p + 4), sub;

	if (!seconds && !fraction)
		return 0;
	/* RFC 7011 section 6.1.10: era 0 ends in 2036; what looks like before 1968 is era 1. */
	if (seconds < 1u << 31)
		seconds += 1ull << 32;
	sub = micros ? ((fraction * 1000000u) >> 32) * 1000u : (fraction * 1000000000u) >> 32;
	return (seconds - NTP_TO_UNIX) * 1000000000u + sub;
}

/* sysUpTime wraps at 2^32 ms: the difference to the datagram's own is signed. */
static uint64_t uptime_ns(uint32_t ms, const struct copy_times *t)
{
	return t->export_ns + (uint64_t)((int64_t)(int32_t)(ms - t->uptime_ms) * 1000000);
}

static uint32_t text_length(const uint8_t *p, uint32_t length)
{
	while (length && !p[length - 1])
		length--;
	return length;
}

/* One value, for the kinds that are not worth a loop of their own. */
static void copy_one(const struct copy_op *op, const uint8_t *from, uint32_t length, uint8_t *to,
		     struct flow *flow, const struct copy_times *t)
{
	uint64_t v = length <= 8 ? be_uint(from, length) : 0;
	struct text text;

	switch (op->kind) {
	case COPY_UINT:
		break;
	case COPY_SECONDS:
		v *= 1000000000u;
		break;
	case COPY_MILLIS:
		v *= 1000000u;
		break;
	case COPY_NTP:
	case COPY_NTP_MICROS:
		v = ntp_ns(from, op->kind == COPY_NTP_MICROS);
		break;
	case COPY_UPTIME:
		if (!t->uptime_known)
			return;
		v = uptime_ns((uint32_t)v, t);
		break;
	case COPY_DELTA:
		v = t->export_ns - v * 1000u;
		break;
	case COPY_MPLS:
		v >>= length == 4 ? 8 : 0;
		flow->ext->mpls_exp[op->arg] = (uint32_t)v >> 1 & 7;
		v = (v >> 4 & 0xfffff) |
		    (v & 1) << 31; /* the bottom bit, until the stack is measured */
		break;
	case COPY_TEXT:
		text = (struct text){(const char *)from, text_length(from, length)};
		if (!text.len)
			text.p = NULL;
		memcpy(to, &text, sizeof(text));
		return;
	case COPY_ICMP:
		flow->icmp_type = from[0];
		flow->icmp_code = from[1];
		return;
	case COPY_DIRECTION:
		v = v < 2 ? v + 1 : 0;
		break;
	case COPY_ETHERTYPE:
		v = v ? v : flow->etype;
		break;
	case COPY_IP_VERSION:
		v = v == 4 ? 0x0800 : v == 6 ? 0x86dd : flow->etype;
		break;
	case COPY_DSCP:
		v <<= 2;
		break;
	case COPY_FRAGMENT_FLAGS:
		v = (length > 1 ? v >> 8 * (length - 1) : v) >> 5;
		break;
	case COPY_SEGMENT_ID:
		v &= 0xffffff;
		break;
	}
	memcpy(to, &v, op->width);
}

/* Source and destination of a copy over several records. */
struct span {
	const uint8_t *from;
	size_t step;
	uint8_t *to;
	size_t to_step;
	uint32_t n;
};

static void copy_addresses4(struct span s)
{
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step)
		ip_from_v4((struct ip_addr *)(void *)s.to, s.from);
}

static void copy_addresses6(struct span s)
{
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step)
		memcpy(s.to, s.from, sizeof(struct ip_addr));
}

static void copy_macs(struct span s)
{
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step) {
		uint64_t mac = (uint64_t)be16(s.from) << 32 | be32(s.from + 2);

		memcpy(s.to, &mac, sizeof(mac));
	}
}

static void copy_millis(struct span s)
{
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step) {
		uint64_t ns = be64(s.from) * 1000000u;

		memcpy(s.to, &ns, sizeof(ns));
	}
}

static void copy_uptimes(struct span s, const struct copy_times *times)
{
	if (!times->uptime_known)
		return;
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step) {
		uint64_t ns = uptime_ns(be32(s.from), times);

		memcpy(s.to, &ns, sizeof(ns));
	}
}

static void copy_directions(struct span s)
{
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step)
		*s.to = s.from[0] < 2 ? (uint8_t)(s.from[0] + 1) : 0;
}

/* The general way: one record after the other. */
static void copy_each(const struct copy_op *op, struct span s, uint32_t length, struct flow *flow,
		      const struct copy_times *times)
{
	for (; s.n; s.n--, s.from += s.step, s.to += s.to_step, flow++) {
		struct span one = {.from = s.from, .to = s.to, .n = 1};

		if ((op->flags & COPY_IF_ZERO) && !member_is_zero(s.to, op))
			continue;
		/* The zero of a second element does not undo a 0.0.0.0. */
		if ((op->flags & COPY_IF_ZERO) && op->kind == COPY_ADDR6 && !be64(s.from) &&
		    !be64(s.from + 8))
			continue;
		if (op->kind == COPY_ADDR4)
			copy_addresses4(one);
		else if (op->kind == COPY_ADDR6)
			copy_addresses6(one);
		else if (op->kind == COPY_MAC)
			copy_macs(one);
		else
			copy_one(op, s.from, length, s.to, flow, times);
	}
}

void copy_run(const struct copy_op *op, const uint8_t *from, uint32_t length, size_t step,
	      struct flow *flows, uint32_t n, const struct copy_times *times)
{
	bool ext = op->flags & COPY_TO_EXT;
	struct span s = {
		.from = from,
		.step = step,
		.to = (ext ? (uint8_t *)flows->ext : (uint8_t *)flows) + op->to,
		.to_step = ext ? sizeof(struct flow_ext) : sizeof(struct flow),
		.n = n,
	};

	if (op->flags & COPY_IF_ZERO)
		copy_each(op, s, length, flows, times);
	else if (op->kind == COPY_UINT)
		copy_uint_any(op, from, length, step, s.to, s.to_step, n);
	else if (op->kind == COPY_ADDR4)
		copy_addresses4(s);
	else if (op->kind == COPY_ADDR6)
		copy_addresses6(s);
	else if (op->kind == COPY_MAC)
		copy_macs(s);
	else if (op->kind == COPY_MILLIS && length == 8)
		copy_millis(s);
	else if (op->kind == COPY_DIRECTION && length == 1 && op->width == 1)
		copy_directions(s);
	else if (op->kind == COPY_UPTIME && length == 4)
		copy_uptimes(s, times);
	else
		copy_each(op, s, length, flows, times);
}
