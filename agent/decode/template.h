/* Templates: learnt from their sets, compiled to copy programs, shared by all workers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEMPLATE_H
#define WEIR_TEMPLATE_H

#include "exporter.h"
#include "ipfix.h"

struct copy_op;

/* A template never changes after it is published; a redefinition is a new one. */
struct template
{
	struct cds_lfht_node node;
	struct domain *domain;
	uint16_t id;
	uint16_t n_fields, n_scope; /* scope fields come first; n_scope > 0: options template */
	uint16_t min_length;	    /* of a record; its length where `variable` is false */
	bool variable;
	bool options;
	uint32_t last_seen; /* s since 1970, relaxed */
	uint32_t hash;	    /* of the definition */
	uint16_t n_ops;
	uint16_t features; /* what the compiled program needs beside its ops: see compile.h */
	const struct copy_op *ops;
	struct rcu_head rcu;
	struct template_field fields[]; /* n_fields, then the ops */
};

/* What to tell of each definition, for those who print them; may be NULL. */
typedef void (*template_seen)(const struct template *t, void *arg);

/* Learns all templates of a template or options template set of a message in domain d.
 * DECODE_OK, or why one was refused (those before and after it are learnt where their bounds are
 * clear). Withdrawals (RFC 7011 section 8.1) are obeyed. */
enum decode_status template_learn(struct exporter_store *s, struct domain *d,
				  const struct ipfix_message *m, const struct ipfix_set *set,
				  struct account *account);

/* The template for a data set, or NULL. Valid until the next quiescent state. */
const struct template *template_find(struct exporter_store *s, const struct domain *d, uint16_t id);

#endif
