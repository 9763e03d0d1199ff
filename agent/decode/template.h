/* Templates: learnt from their sets, compiled to copy programs, shared by all workers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEMPLATE_H
#define WEIR_TEMPLATE_H

#include "exporter.h"
#include "ipfix.h"

struct program;

/* A template never changes after it is published (but for last_seen); a redefinition is a new one.
 * Scope fields come first. */
struct template
{
	struct domain *domain;
	uint16_t id;
	uint16_t n_fields, n_scope;
	uint16_t min_length; /* of a record; its length where `variable` is false */
	bool variable;	     /* some field's length is in the record */
	bool options;
	uint16_t kib;		 /* of memory, rounded up */
	uint64_t last_seen;	 /* s since 1970, relaxed */
	struct program *program; /* NULL for options templates */
	struct rcu_head rcu;
	struct template_field fields[];
};

/* Learns all templates of a template set or options template set of a message in domain d, at
 * now_s (s since 1970). Withdrawals (RFC 7011 section 8.1) are obeyed. A refused definition does
 * not hinder those before it; what follows it is only learnt if its end is clear. Returns DECODE_OK
 * or the first reason for which one was refused. */
enum decode_status template_learn(struct exporter_store *s, struct domain *d,
				  const struct ipfix_message *m, const struct ipfix_set *set,
				  uint64_t now_s, struct account *account);

/* Learns one template from its definition: what template_learn() does for each, and what a saved
 * state restores. Lengths of fields are as on the wire. A template that takes more than a KiB of
 * memory counts as several against the limits. */
enum decode_status template_define(struct exporter_store *s, struct domain *d, uint16_t id,
				   bool options, const struct template_field *fields,
				   uint16_t n_fields, uint16_t n_scope, uint64_t now_s,
				   struct account *account);

/* The template for a data set, or NULL. Valid until the next quiescent state. */
const struct template *template_find(const struct domain *d, uint16_t id);

/* Removes those not refreshed within template_timeout; removes all, which counts them if account is
 * not NULL. Under the store's mutex. */
void template_expire(struct exporter_store *s, struct domain *d, uint64_t now_s,
		     struct account *account);
void template_remove_all(struct exporter_store *s, struct domain *d, struct account *account);

#endif
