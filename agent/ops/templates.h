/* What exporters have taught: templates and sampling, as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OPS_TEMPLATES_H
#define WEIR_OPS_TEMPLATES_H

#include "../buffer.h"
#include "ops.h"

enum { TEMPLATES_SHOWN_MAX = 10000 };

/* {"now":…,"cut":…,"streams":[{"exporter":…,"protocol":…,"domain":…,"templates":[…],
 * "samplers":[…]}]}, of the exporter with this address or, where it is NULL, of all. "cut" is true
 * where there are more than TEMPLATES_SHOWN_MAX. */
void report_templates(const struct ops_sources *s, const char *address, struct buffer *to);

#endif
