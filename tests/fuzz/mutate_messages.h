/* A mutator that knows NetFlow v9 and IPFIX, for fuzzers whose input is a row of datagrams, each
 * behind its length in two bytes (network order).
 * SPDX-License-Identifier: Apache-2.0
 *
 * It adds messages with templates over elements that the decoder treats in some special way and
 * with records that fit them, lists of RFC 6313 included, and mends lengths that blind mutation
 * broke. */
#ifndef WEIR_MUTATE_MESSAGES_H
#define WEIR_MUTATE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum {
	MUTATE_MESSAGE_MAX = 1500,
	MUTATE_FIELDS_MAX = 12,
	MUTATE_TEMPLATES = 4, /* ids in use, from 256 on */
	MUTATE_DEPTH_MAX = 6, /* of lists: deeper than the decoders follow */
};

/* Elements with a rule of their own, and the length they usually have; 0: variable. */
static const struct {
	uint16_t id, length;
} mutate_elements[] = {
	{1, 8},	  {2, 8},   {4, 1},   {5, 1},	{6, 2},	  {7, 2},   {8, 4},    {10, 4},	 {11, 2},
	{12, 4},  {14, 4},  {21, 4},  {22, 4},	{27, 16}, {28, 16}, {32, 2},   {34, 4},	 {48, 1},
	{56, 6},  {58, 2},  {60, 1},  {61, 1},	{70, 3},  {71, 3},  {79, 3},   {80, 6},	 {82, 0},
	{83, 0},  {84, 0},  {95, 4},  {96, 0},	{104, 0}, {130, 4}, {131, 16}, {139, 2}, {145, 2},
	{149, 4}, {150, 4}, {152, 8}, {154, 8}, {156, 8}, {158, 4}, {160, 8},  {195, 1}, {197, 1},
	{225, 4}, {226, 4}, {231, 8}, {232, 8}, {234, 4}, {236, 0}, {276, 1},  {291, 0}, {292, 0},
	{293, 0}, {298, 8}, {299, 8}, {302, 4}, {304, 2}, {305, 4}, {306, 4},  {309, 4}, {310, 4},
	{311, 8}, {312, 2}, {313, 0}, {315, 0}, {316, 0}, {320, 8}, {351, 8},  {371, 0}, {434, 4},
	{484, 0}, {487, 0}, {490, 0}, {496, 0}, {497, 0}, {498, 1},
};

struct mutate_field {
	uint16_t id, length; /* 65535: variable */
};

/* The templates that the last messages had, so that lists can name them. */
static struct {
	struct mutate_field fields[MUTATE_FIELDS_MAX];
	unsigned n;
} mutate_templates[MUTATE_TEMPLATES];

static uint32_t mutate_state;

static inline uint32_t mutate_random(uint32_t n)
{
	mutate_state = mutate_state * 1664525u + 1013904223u;
	return n ? (mutate_state >> 8) % n : 0;
}

static inline uint8_t *mutate_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *mutate_noise(uint8_t *p, const uint8_t *end, size_t n)
{
	while (n-- && p < end)
		*p++ = (uint8_t)(mutate_random(3) ? mutate_random(256) : mutate_random(20));
	return p;
}

static inline bool mutate_is_list(uint16_t id)
{
	return (id >= 291 && id <= 293) || (id >= 484 && id <= 497);
}

static uint8_t *mutate_value(uint8_t *p, const uint8_t *end, struct mutate_field f, unsigned depth);

static inline uint8_t *mutate_records(uint8_t *p, const uint8_t *end, unsigned t, unsigned depth)
{
	for (unsigned k = mutate_random(3); k; k--)
		for (unsigned i = 0; i < mutate_templates[t].n; i++)
			p = mutate_value(p, end, mutate_templates[t].fields[i], depth + 1);
	return p;
}

/* What is in a list: RFC 6313 section 4.5. */
static inline uint8_t *mutate_list(uint8_t *p, const uint8_t *end, uint16_t id, unsigned depth)
{
	unsigned t = mutate_random(MUTATE_TEMPLATES), k;
	struct mutate_field f;

	if (end - p < 64 || depth > MUTATE_DEPTH_MAX)
		return p;
	*p++ = (uint8_t)mutate_random(6);
	if (id == 292) {
		p = mutate_put16(p, 256 + t);
		return mutate_records(p, end, t, depth);
	}
	if (id == 293) {
		for (k = mutate_random(3); k && end - p >= 64; k--) {
			uint8_t *head = p;

			t = mutate_random(MUTATE_TEMPLATES);
			p = mutate_records(mutate_put16(p, 256 + t) + 2, end, t, depth);
			mutate_put16(head + 2, (unsigned)(p - head));
		}
		return p;
	}
	k = mutate_random(sizeof(mutate_elements) / sizeof(*mutate_elements));
	f = (struct mutate_field){mutate_elements[k].id,
				  mutate_elements[k].length ? mutate_elements[k].length : 65535};
	if (id >= 484 && id <= 491 && mutate_random(4))
		f = (struct mutate_field){(uint16_t)(id < 486	? 483
						     : id < 489 ? 486
								: 489),
					  (uint16_t)(id < 486	? 4
						     : id < 489 ? 8
								: 12)};
	p = mutate_put16(p, f.id | (mutate_random(8) ? 0 : 0x8000u));
	p = mutate_put16(p, f.length);
	if (p[-4] & 0x80)
		p = mutate_put16(mutate_put16(p, 0), mutate_random(2) ? 29305 : 9);
	for (k = mutate_random(4); k; k--)
		p = mutate_value(p, end, f, depth + 1);
	return p;
}

/* A value as the template has it. It may be cut off at the end of the message. */
static uint8_t *mutate_value(uint8_t *p, const uint8_t *end, struct mutate_field f, unsigned depth)
{
	uint8_t *head = p;

	if (f.length != 65535)
		return mutate_noise(p, end, f.length);
	if (end - p < 64)
		return mutate_noise(p, end, 1);
	if (mutate_random(4) == 0) {
		*p = (uint8_t)mutate_random(30);
		return mutate_noise(p + 1, end, *p);
	}
	p = head + 3;
	if (mutate_is_list(f.id))
		p = mutate_list(p, end, f.id, depth);
	else
		p = mutate_noise(p, end, mutate_random(64));
	head[0] = 255;
	mutate_put16(head + 1, (unsigned)(p - head - 3));
	return p;
}

/* A (data or options) template set; notes the template. */
static inline uint8_t *mutate_template(uint8_t *p, bool v9, bool options, unsigned t)
{
	unsigned n = 1 + mutate_random(MUTATE_FIELDS_MAX), scope = options ? 1 : 0;
	uint8_t *set = p;

	p = mutate_put16(p, v9 ? options : 2u + options) + 2;
	p = mutate_put16(p, 256 + t);
	if (v9 && options) {
		p = mutate_put16(p, 4 * scope);
		p = mutate_put16(p, 4 * (n - 1));
	} else {
		p = mutate_put16(p, n);
		if (options)
			p = mutate_put16(p, scope);
	}
	mutate_templates[t].n = n;
	for (unsigned i = 0; i < n; i++) {
		unsigned k = mutate_random(sizeof(mutate_elements) / sizeof(*mutate_elements));
		unsigned length = mutate_elements[k].length ? mutate_elements[k].length
				  : v9			    ? mutate_random(40)
							    : 65535;

		if (!mutate_random(10))
			length = mutate_random(18);
		mutate_templates[t].fields[i] = (struct mutate_field){mutate_elements[k].id,
								      (uint16_t)length};
		if (!v9 && !mutate_random(8)) {
			p = mutate_put16(p, mutate_elements[k].id | 0x8000);
			p = mutate_put16(p, length);
			p = mutate_put16(p, 0);
			p = mutate_put16(p, 29305);
		} else {
			p = mutate_put16(p, v9 && options && !i ? 1 + mutate_random(5)
								: mutate_elements[k].id);
			p = mutate_put16(p, length);
		}
	}
	mutate_put16(set + 2, (unsigned)(p - set));
	return p;
}

/* Writes a message with templates, withdrawals and sets of records. */
static inline size_t mutate_make(uint8_t *m, bool v9)
{
	uint8_t *p = m + (v9 ? 20 : 16), *end = m + MUTATE_MESSAGE_MAX, *set;

	memset(m, 0, MUTATE_MESSAGE_MAX);
	mutate_put16(m, v9 ? 9 : 10);
	for (uint8_t *q = m + 4; q < p - 4; q++)
		*q = (uint8_t)mutate_random(256);
	m[(v9 ? 19 : 15)] = (uint8_t)mutate_random(2);
	for (unsigned k = 1 + mutate_random(3); k && end - p > 200; k--)
		p = mutate_template(p, v9, mutate_random(4) == 0, mutate_random(MUTATE_TEMPLATES));
	if (!v9 && !mutate_random(16)) {
		unsigned kind = 2 + mutate_random(2);

		p = mutate_put16(mutate_put16(p, kind), 8);
		p = mutate_put16(p,
				 mutate_random(2) ? kind : 256 + mutate_random(MUTATE_TEMPLATES));
		p = mutate_put16(p, 0);
	}
	for (unsigned k = 1 + mutate_random(3); k && end - p > 100; k--) {
		unsigned t = mutate_random(MUTATE_TEMPLATES);

		set = p;
		p = mutate_put16(p, 256 + t) + 2;
		if (mutate_random(4))
			p = mutate_records(p, end, t, 0);
		else
			p = mutate_noise(p, end, mutate_random(300));
		mutate_put16(set + 2, (unsigned)(p - set));
	}
	if (!v9)
		mutate_put16(m + 2, (unsigned)(p - m));
	return (size_t)(p - m);
}

/* Makes the lengths of a message and its sets agree with its bytes. */
static inline void mutate_mend(uint8_t *m, size_t len)
{
	uint8_t *p, *end = m + len;

	if (len < 20)
		return;
	if (be16(m) == 10)
		mutate_put16(m + 2, (unsigned)len);
	else if (be16(m) != 9)
		return;
	for (p = m + (be16(m) == 10 ? 16 : 20); end - p >= 4; p += be16(p + 2))
		if (be16(p + 2) < 4 || be16(p + 2) > end - p)
			mutate_put16(p + 2, (unsigned)(end - p));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint8_t message[MUTATE_MESSAGE_MAX];
	size_t len;

	mutate_state = seed;
	if (mutate_random(3) == 0) {
		memset(mutate_templates, 0, sizeof(mutate_templates));
		len = mutate_make(message, mutate_random(2));
		if (size + 2 + len <= max) {
			mutate_put16(data + size, (unsigned)len);
			memcpy(data + size + 2, message, len);
			size += 2 + len;
		}
	} else {
		size = LLVMFuzzerMutate(data, size, max);
	}
	if (mutate_random(2))
		return size;
	for (size_t at = 0; at + 2 <= size; at += 2 + len) {
		len = be16(data + at);
		if (len > size - at - 2) {
			len = size - at - 2;
			mutate_put16(data + at, (unsigned)len);
		}
		mutate_mend(data + at + 2, len);
	}
	return size;
}

#endif
