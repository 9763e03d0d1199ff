/* Names of the accounts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

static const struct {
	const char *name, *help;
} table[ACCOUNT_MAX] = {
#define A(name, metric, help) [ACCOUNT_##name] = {metric, help},
	ACCOUNTS(A)
#undef A
};

const char *account_name(enum account_id id)
{
	return table[id].name;
}

const char *account_help(enum account_id id)
{
	return table[id].help;
}
