/* Classification of exporters and interfaces by regular expressions.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULES_H
#define WEIR_RULES_H

#include "enrich.h"
#include "intern.h"

struct rules;

/* Compiles all rules. NULL and errors as enrich_check_rule() says it; also without rules, and then
 * `error` is empty. */
struct rules *rules_new(const struct enrich_rule *r, unsigned n, char *error, size_t size);
void rules_free(struct rules *r);

/* Fills the empty texts of an exporter, whose name may be unset, and of its interface. Texts come
 * from `in`. */
void rules_device(const struct rules *r, struct interner *in, const struct text *name,
		  const struct text *address, struct device_info *d);
void rules_interface(const struct rules *r, struct interner *in, const struct text *name,
		     const struct text *address, struct interface_info *i);

#endif
