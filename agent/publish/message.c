/* The pool of message buffers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/mman.h>

#include "message.h"

enum {
	RESERVED = 8, /* buffers for message_take_reserved() */
	FREE_MIN = 4, /* buffers that always keep their memory */
	PAGE = 4096,
	TRIM_NS = 1000 * 1000 * 1000, /* how long what is free keeps its memory */
	TRIM_BUFFERS = 8,	      /* at a time */
};

int message_pool_init(struct message_pool *p, size_t capacity, size_t n, uint64_t max_sent_bytes)
{
	memset(p, 0, sizeof(*p));
	p->capacity = capacity;
	p->stride = (sizeof(struct message) + capacity + PAGE - 1) & ~(size_t)(PAGE - 1);
	p->n = n + RESERVED;
	p->max_sent_bytes = max_sent_bytes;
	p->memory = mmap(NULL, p->stride * p->n, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory == MAP_FAILED) {
		p->memory = NULL;
		return -ENOMEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given_back, NULL);
	return 0;
}

void message_pool_free(struct message_pool *p)
{
	if (!p->memory)
		return;
	munmap(p->memory, p->stride * p->n);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->given_back);
	p->memory = NULL;
}

/* Under the lock. */
static void set_free_bytes(struct message_pool *p, uint64_t bytes)
{
	__atomic_store_n(&p->free_bytes, bytes, __ATOMIC_RELAXED);
	if (bytes < p->least_free_bytes)
		p->least_free_bytes = bytes;
}

/* The buffer used last is used first, so that what was never needed stays untouched. */
static struct message *take_free(struct message_pool *p, bool reserved)
{
	struct message *m = p->free;

	if (!reserved && (p->sent_bytes >= p->max_sent_bytes || p->in_use + RESERVED >= p->n))
		return NULL;
	if (m) {
		p->free = m->next;
		set_free_bytes(p, p->free_bytes - m->touched);
	} else if (p->used < p->n) {
		m = (struct message *)(p->memory + p->stride * p->used++);
	}
	if (m)
		p->in_use++;
	return m;
}

static struct message *cleared(struct message *m)
{
	uint32_t touched = m ? m->touched : 0;

	if (m) {
		memset(m, 0, sizeof(*m));
		m->touched = touched;
	}
	return m;
}

struct message *message_take(struct message_pool *p, bool wait)
{
	struct message *m;

	pthread_mutex_lock(&p->lock);
	while (!(m = take_free(p, false)) && wait)
		pthread_cond_wait(&p->given_back, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return cleared(m);
}

struct message *message_take_reserved(struct message_pool *p)
{
	struct message *m;

	pthread_mutex_lock(&p->lock);
	m = take_free(p, true);
	pthread_mutex_unlock(&p->lock);
	return cleared(m);
}

bool message_pool_is_half_full(struct message_pool *p)
{
	bool half;

	pthread_mutex_lock(&p->lock);
	half = p->sent_bytes >= p->max_sent_bytes / 2 || p->in_use >= p->n / 2;
	pthread_mutex_unlock(&p->lock);
	return half;
}

unsigned message_pool_fill(struct message_pool *p)
{
	uint64_t bytes, buffers;

	pthread_mutex_lock(&p->lock);
	bytes = p->sent_bytes * 100 / (p->max_sent_bytes ? p->max_sent_bytes : 1);
	buffers = p->in_use * 100 / (p->n > RESERVED ? p->n - RESERVED : 1);
	pthread_mutex_unlock(&p->lock);
	if (bytes < buffers)
		bytes = buffers;
	return bytes < 100 ? (unsigned)bytes : 100;
}

void message_sent(struct message_pool *p, const struct message *m)
{
	pthread_mutex_lock(&p->lock);
	__atomic_store_n(&p->sent_bytes, p->sent_bytes + m->len, __ATOMIC_RELAXED);
	p->sent_flows += m->counters ? 0 : m->rows;
	pthread_mutex_unlock(&p->lock);
}

/* Nobody else may have the buffer: the system need not be asked under the lock. */
static void give_to_system(const struct message_pool *p, struct message *m)
{
	if (!madvise((uint8_t *)m + PAGE, p->stride - PAGE, MADV_DONTNEED))
		m->touched = 0;
}

/* Bytes that free buffers keep for good. */
static uint64_t kept_bytes(const struct message_pool *p)
{
	uint64_t least = FREE_MIN * (uint64_t)p->capacity, quarter = p->max_sent_bytes / 4;

	return quarter > least ? quarter : least;
}

static void put_back(struct message_pool *p, struct message *m, bool sent)
{
	if (m->touched < m->len)
		m->touched = m->len;
	/* As many buffers may have been large at one time or another as there are. */
	if (__atomic_load_n(&p->free_bytes, __ATOMIC_RELAXED) + m->touched +
		    __atomic_load_n(&p->sent_bytes, __ATOMIC_RELAXED) >
	    p->max_sent_bytes + kept_bytes(p))
		give_to_system(p, m);
	pthread_mutex_lock(&p->lock);
	if (sent) {
		__atomic_store_n(&p->sent_bytes, p->sent_bytes - m->len, __ATOMIC_RELAXED);
		p->sent_flows -= m->counters ? 0 : m->rows;
	}
	m->next = p->free;
	p->free = m;
	set_free_bytes(p, p->free_bytes + m->touched);
	p->in_use--;
	pthread_cond_signal(&p->given_back);
	pthread_mutex_unlock(&p->lock);
}

void message_give_back(struct message_pool *p, struct message *m)
{
	put_back(p, m, true);
}

void message_discard(struct message_pool *p, struct message *m)
{
	put_back(p, m, false);
}

/* Takes out of the free buffers some that have memory and were used longest ago, beyond those that
 * keep `keep` bytes: few, so that the others do not run out meanwhile. NULL: there are none. Under
 * the lock. */
static struct message *take_coldest(struct message_pool *p, uint64_t keep)
{
	struct message **at = &p->free, *coldest = NULL;
	uint64_t bytes = 0;

	for (; *at && bytes + (*at)->touched <= keep; at = &(*at)->next)
		bytes += (*at)->touched;
	for (unsigned n = 0; *at && n < TRIM_BUFFERS;) {
		struct message *m = *at;

		if (!m->touched) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		m->next = coldest;
		coldest = m;
		set_free_bytes(p, p->free_bytes - m->touched);
		n++;
	}
	return coldest;
}

/* Behind all that are free. Under the lock. */
static void append_free(struct message_pool *p, struct message *m)
{
	struct message **end = &p->free;

	while (*end)
		end = &(*end)->next;
	for (*end = m; m; m = m->next)
		set_free_bytes(p, p->free_bytes + m->touched);
}

void message_pool_trim(struct message_pool *p, uint64_t now_ns)
{
	struct message *coldest;
	uint64_t keep;

	if (now_ns - p->looked_ns < TRIM_NS)
		return;
	p->looked_ns = now_ns;
	pthread_mutex_lock(&p->lock);
	keep = kept_bytes(p);
	keep = p->least_free_bytes > keep ? p->free_bytes - (p->least_free_bytes - keep)
					  : UINT64_MAX;
	while ((coldest = take_coldest(p, keep))) {
		pthread_mutex_unlock(&p->lock);
		for (struct message *m = coldest; m; m = m->next)
			give_to_system(p, m);
		pthread_mutex_lock(&p->lock);
		append_free(p, coldest);
	}
	p->least_free_bytes = p->free_bytes;
	pthread_mutex_unlock(&p->lock);
}

uint64_t message_pool_sent_flows(struct message_pool *p)
{
	uint64_t flows;

	pthread_mutex_lock(&p->lock);
	flows = p->sent_flows;
	pthread_mutex_unlock(&p->lock);
	return flows;
}
