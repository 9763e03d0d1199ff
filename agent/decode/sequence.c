/* Following the sequence numbers of one stream.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "sequence.h"

enum {
	REORDER_WINDOW = 1 << 20, /* units a late datagram may lie behind: a second of slow path */
	LATE_IN_A_ROW = 16,	  /* that many late ones that nobody missed are a restart */
	JUMP_MAX = 1 << 24,	  /* units: a larger step forward is a restart, not a loss */
	OVERTAKEN_MAX = 1000,	  /* units before the first that may have been overtaken by it */
	UPTIME_BACK_MS = 60000,	  /* sysUpTime that falls by more is a restart (or its wrap) */
};

static pthread_mutex_t restart_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t get(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void add(uint64_t *p, uint64_t n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

static uint64_t lost_since(const struct sequence *s)
{
	uint64_t sent = get(&s->end) - get(&s->first), came = get(&s->received);

	return sent > came ? sent - came : 0;
}

uint64_t sequence_lost(const struct sequence *s)
{
	return get(&s->lost_before) + lost_since(s);
}

/* Under the lock. */
static void begin(struct sequence *s, uint32_t number, uint32_t units)
{
	add(&s->lost_before, lost_since(s));
	__atomic_store_n(&s->received, units, __ATOMIC_RELAXED);
	__atomic_store_n(&s->first, (1ull << 32) + number, __ATOMIC_RELAXED);
	__atomic_store_n(&s->end, (1ull << 32) + number + units, __ATOMIC_RELAXED);
	__atomic_store_n(&s->behind, 0, __ATOMIC_RELAXED);
}

static void begin_anew(struct sequence *s, uint32_t number, uint32_t units)
{
	pthread_mutex_lock(&restart_lock);
	begin(s, number, units);
	pthread_mutex_unlock(&restart_lock);
}

/* False when another thread was faster. */
static bool begin_first(struct sequence *s, uint32_t number, uint32_t units)
{
	bool first;

	pthread_mutex_lock(&restart_lock);
	first = !get(&s->end);
	if (first)
		begin(s, number, units);
	pthread_mutex_unlock(&restart_lock);
	return first;
}

/* sysUpTime went back, and not because it wrapped. */
static bool uptime_fell(struct sequence *s, uint32_t uptime_ms)
{
	uint32_t before = __atomic_load_n(&s->uptime_ms, __ATOMIC_RELAXED);

	__atomic_store_n(&s->uptime_ms, uptime_ms, __ATOMIC_RELAXED);
	return uptime_ms && before && (int32_t)(uptime_ms - before) < -UPTIME_BACK_MS;
}

/* One that came after a later one: false when nothing is missing that it could be, time and again,
 * so that the sequence must have begun anew. Many late ones in a row are nothing of that kind: they
 * come when the slow path falls behind. */
static bool see_late(struct sequence *s, uint64_t position, uint32_t units)
{
	uint64_t first = get(&s->first);
	bool long_ago = position + OVERTAKEN_MAX < first;

	if ((long_ago || (position >= first && lost_since(s) < (units ? units : 1))) &&
	    __atomic_add_fetch(&s->behind, 1, __ATOMIC_RELAXED) >= LATE_IN_A_ROW)
		return false;
	add(&s->late, 1);
	if (long_ago)
		return true;
	add(&s->received, units);
	/* Before all that was seen: the stream began with it. Else its units would stand for others
	 * that are missing. */
	while (position < first && !__atomic_compare_exchange_n(&s->first, &first, position, true,
								__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return true;
}

void sequence_see(struct sequence *s, uint32_t number, uint32_t units, bool certain,
		  uint32_t uptime_ms, struct account *account)
{
	bool fell = uptime_fell(s, uptime_ms), uncertain;
	uint64_t end = get(&s->end), next;
	int32_t step;

	if (!end) {
		if (begin_first(s, number, units)) {
			__atomic_store_n(&s->uncertain, !certain, __ATOMIC_RELAXED);
			return;
		}
		end = get(&s->end);
	}
	step = (int32_t)(number - (uint32_t)end);
	if (fell || step > JUMP_MAX || step < -REORDER_WINDOW ||
	    (step < 0 && !see_late(s, end + (uint64_t)(int64_t)step, units))) {
		__atomic_store_n(&s->uncertain, !certain, __ATOMIC_RELAXED);
		begin_anew(s, number, units);
		add(&s->restarts, 1);
		account_add(account, ACCOUNT_SEQUENCE_RESTARTS, 1);
		return;
	}
	if (step < 0) {
		account_add(account, ACCOUNT_SEQUENCE_LATE, units);
		return;
	}
	uncertain = __atomic_exchange_n(&s->uncertain, !certain, __ATOMIC_RELAXED);
	add(&s->received, units);
	__atomic_store_n(&s->behind, 0, __ATOMIC_RELAXED);
	if (step > 0) {
		if (uncertain)
			add(&s->received, (uint32_t)step);
		else
			account_add(account, ACCOUNT_SEQUENCE_LOST, (uint32_t)step);
	}
	next = end + (uint32_t)step + units;
	while (end < next && !__atomic_compare_exchange_n(&s->end, &end, next, true,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void sequence_credit(struct sequence *s, uint32_t units, struct account *account)
{
	add(&s->received, units);
	account_add(account, ACCOUNT_SEQUENCE_LATE, units);
}

void sequence_write_off(struct sequence *s)
{
	add(&s->received, lost_since(s));
}
