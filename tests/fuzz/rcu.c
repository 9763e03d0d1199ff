/* RCU for fuzzers: one thread, so what call_rcu() puts off is done at the barrier, at once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Takes the place of the library's functions: its thread wakes every 10 ms, and each input would
 * wait for that. Freed too early, too late or never still shows. */
#include <urcu-qsbr.h>

static struct rcu_head *first, **last = &first;

void call_rcu(struct rcu_head *head, void (*done)(struct rcu_head *head))
{
	head->func = done;
	head->next.next = NULL;
	*last = head;
	last = (struct rcu_head **)&head->next.next;
}

void rcu_barrier(void)
{
	while (first) {
		struct rcu_head *head = first;

		first = (struct rcu_head *)head->next.next;
		if (!first)
			last = &first;
		head->func(head);
	}
}
