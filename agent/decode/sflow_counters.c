/* sFlow counter records by name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_counters.h"

const struct sflow_counter_format *sflow_counter_find(uint32_t format)
{
	for (unsigned i = 0; i < sflow_counter_formats_count; i++)
		if (sflow_counter_formats[i].format == format)
			return &sflow_counter_formats[i];
	return NULL;
}

static bool read_value(struct xdr *x, const struct sflow_counter_field *f, struct counter_value *v)
{
	uint32_t word;
	float fraction;

	*v = (struct counter_value){.name = f->name, .kind = COUNTER_UINT};
	switch (f->type) {
	case SFLOW_U32:
	case SFLOW_U32_LATER:
		v->u = xdr_u32(x);
		break;
	case SFLOW_U64:
		v->u = xdr_u64(x);
		break;
	case SFLOW_I32:
		v->kind = COUNTER_INT;
		v->i = (int32_t)xdr_u32(x);
		break;
	case SFLOW_U8:
		if (x->p == x->end)
			x->bad = true;
		else
			v->u = *x->p++;
		break;
	case SFLOW_FLOAT:
		word = xdr_u32(x);
		memcpy(&fraction, &word, sizeof(fraction));
		v->kind = COUNTER_FLOAT;
		v->f = (double)fraction;
		break;
	case SFLOW_TEXT:
		v->kind = COUNTER_TEXT;
		v->text = xdr_text(x);
		break;
	case SFLOW_MAC:
	case SFLOW_HEX8:
	case SFLOW_HEX16:
		v->kind = COUNTER_HEX;
		v->text.len = f->type == SFLOW_MAC ? 6 : f->type == SFLOW_HEX8 ? 8 : 16;
		v->text.p = (const char *)xdr_bytes(x, v->text.len);
		break;
	}
	return !x->bad;
}

static void read_fields(struct xdr *x, const struct sflow_counter_field *f, unsigned n,
			sflow_counter_fn fn, void *arg)
{
	struct counter_value v;

	for (unsigned i = 0; i < n; i++) {
		if (f[i].type == SFLOW_U32_LATER && x->p == x->end)
			return;
		if (!read_value(x, &f[i], &v))
			return;
		fn(arg, &v);
	}
}

/* sflow.org/sflow_optics.txt: after the module come its lanes. */
static void read_lanes(struct xdr *x, sflow_counter_fn fn, void *arg)
{
	uint32_t n = xdr_u32(x);

	for (uint32_t i = 0; i < n && i < SFLOW_LANES_MAX && !x->bad; i++)
		read_fields(x, sflow_lane_fields[i], SFLOW_LANE_FIELDS, fn, arg);
}

/* adapter<>: ifIndex and mac<>, of which the first is taken. */
static void read_adapters(struct xdr *x, sflow_counter_fn fn, void *arg)
{
	uint32_t n = xdr_u32(x);

	for (uint32_t i = 0; i < n && i < SFLOW_ADAPTERS_MAX && !x->bad; i++) {
		struct sflow_counter_field f[2] = {{sflow_adapter_names[i][0], SFLOW_U32},
						   {sflow_adapter_names[i][1], SFLOW_MAC}};
		uint32_t macs;

		read_fields(x, f, 1, fn, arg);
		macs = xdr_u32(x);
		if (macs)
			read_fields(x, f + 1, 1, fn, arg);
		for (; macs > 1 && !x->bad; macs--)
			xdr_bytes(x, 6);
	}
}

bool sflow_counter_values(const struct sflow_counter_format *format, const struct sflow_record *r,
			  sflow_counter_fn fn, void *arg)
{
	struct xdr x = sflow_record_xdr(r);

	read_fields(&x, format->fields, format->n_fields, fn, arg);
	if (format->format == SFLOW_SFP)
		read_lanes(&x, fn, arg);
	else if (format->format == SFLOW_HOST_ADAPTERS)
		read_adapters(&x, fn, arg);
	return !x.bad;
}

static void append(void *arg, const struct counter_value *value)
{
	struct counter_sample *to = arg;

	if (to->n_values < COUNTER_VALUES_MAX)
		to->values[to->n_values++] = *value;
}

bool sflow_counters_read(struct sflow_sample *s, struct counter_sample *to, uint32_t *skipped)
{
	const struct sflow_counter_format *format;
	struct sflow_record r;
	enum sflow_walk w;
	bool good = true;

	while ((w = sflow_next_record(s, &r)) == SFLOW_OK) {
		if (r.clipped)
			return false;
		format = sflow_counter_find(r.format);
		if (!format)
			++*skipped;
		else if (!sflow_counter_values(format, &r, append, to))
			good = false;
	}
	return good && w == SFLOW_END;
}
