/* Countries: ISO 3166-1 code, name, continent.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COUNTRIES_H
#define WEIR_COUNTRIES_H

#include <stddef.h>

/* By the two-letter code, as "US"; NULL: not one. */
const char *country_name(const char *code);
const char *country_continent(const char *code);

/* "North America" to "NA" as MaxMind has it, and back; NULL: not one. */
const char *continent_code(const char *name, size_t n);
const char *continent_name(const char *code, size_t n);

#endif
