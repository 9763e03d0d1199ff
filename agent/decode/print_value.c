/* One value of a record as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "../bytes.h"
#include "print_value.h"

/* s from 1900, where NTP begins, to 1970 */
static const int64_t ntp_to_unix = 2208988800;

void print_octets(struct buffer *out, const struct field_place *value)
{
	buffer_string(out, "\"0x");
	buffer_hex(out, value->p, value->len);
	buffer_char(out, '"');
}

/* RFC 7011 section 6.1.9 and 6.1.10: s since 1900 and a fraction of 2^-32 s. */
static void print_ntp(struct buffer *out, const uint8_t *p, uint64_t units_per_second)
{
	int64_t s = (int64_t)be32(p) - ntp_to_unix;
	uint64_t fraction = be32(p + 4) * units_per_second >> 32;

	buffer_int(out, s * (int64_t)units_per_second + (int64_t)fraction);
}

static void print_signed(struct buffer *out, const struct field_place *value)
{
	unsigned unused = 64 - 8 * value->len;

	buffer_int(out, (int64_t)(be_uint(value->p, value->len) << unused) >> unused);
}

/* JSON has no NaN and no infinity: these stay octets. */
static bool print_float(struct buffer *out, const struct field_place *value)
{
	uint64_t bits = be_uint(value->p, value->len);
	double d;

	if (value->len == 4) {
		uint32_t bits32 = (uint32_t)bits;
		float f;

		memcpy(&f, &bits32, sizeof(f));
		d = (double)f;
	} else {
		memcpy(&d, &bits, sizeof(d));
	}
	if (!isfinite(d))
		return false;
	buffer_format(out, "%.*g", value->len == 4 ? 9 : 17, d);
	return true;
}

static void print_string(struct buffer *out, const struct field_place *value)
{
	uint32_t len = value->len;

	while (len && !value->p[len - 1])
		len--;
	buffer_json_string(out, (const char *)value->p, len);
}

void print_value(struct buffer *out, enum element_kind kind, const struct field_place *value)
{
	const uint8_t *p = value->p;
	uint32_t len = value->len;

	if (!len) {
		buffer_string(out, "null");
		return;
	}
	switch (kind) {
	case ELEMENT_UNSIGNED:
		if (len > 8)
			break;
		buffer_uint(out, be_uint(p, len));
		return;
	case ELEMENT_SIGNED:
		if (len > 8)
			break;
		print_signed(out, value);
		return;
	case ELEMENT_FLOAT:
		if ((len != 4 && len != 8) || !print_float(out, value))
			break;
		return;
	case ELEMENT_BOOLEAN: /* RFC 7011 section 6.1.5 */
		if (len != 1)
			break;
		if (*p == 1 || *p == 2)
			buffer_string(out, *p == 1 ? "true" : "false");
		else
			buffer_uint(out, *p);
		return;
	case ELEMENT_MAC:
		if (len != 6)
			break;
		buffer_char(out, '"');
		buffer_mac(out, p);
		buffer_char(out, '"');
		return;
	case ELEMENT_IPV4:
		if (len != 4)
			break;
		buffer_char(out, '"');
		buffer_ipv4(out, p);
		buffer_char(out, '"');
		return;
	case ELEMENT_IPV6:
		if (len != 16)
			break;
		buffer_char(out, '"');
		buffer_ipv6(out, p);
		buffer_char(out, '"');
		return;
	case ELEMENT_STRING:
		print_string(out, value);
		return;
	case ELEMENT_SECONDS:
		if (len != 4)
			break;
		buffer_uint(out, be32(p));
		return;
	case ELEMENT_MILLISECONDS:
		if (len != 8)
			break;
		buffer_uint(out, be64(p));
		return;
	case ELEMENT_MICROSECONDS:
		if (len != 8)
			break;
		print_ntp(out, p, 1000000);
		return;
	case ELEMENT_NANOSECONDS:
		if (len != 8)
			break;
		print_ntp(out, p, 1000000000);
		return;
	case ELEMENT_OCTETS:
	case ELEMENT_BASIC_LIST:
	case ELEMENT_SUB_TEMPLATE_LIST:
	case ELEMENT_SUB_TEMPLATE_MULTI_LIST:
		break;
	}
	print_octets(out, value);
}
