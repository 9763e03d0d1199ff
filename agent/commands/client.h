/* What the commands share that ask a running agent.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CLIENT_H
#define WEIR_CLIENT_H

#include <jansson.h>

#include "../buffer.h"

struct client {
	const char *usage;
	bool takes_exporters; /* --exporters N, --reference */
	bool takes_sort;      /* --exporters N, --sort COLUMN */
	bool takes_live;      /* --interval SECONDS, --count N */
	bool takes_address;   /* an exporter's address as argument */
	char *socket;
	bool json, reference;
	unsigned exporters; /* to list at most */
	const char *sort;   /* NULL: not given */
	unsigned interval;  /* s */
	unsigned count;	    /* of turns; 0: until stopped */
	const char *address;
};

/* Reads the arguments and finds the control socket. -1: go on; else the exit status. */
int client_arguments(struct client *c, int argc, char **argv);

/* Asks. Returns the object that came back, its text in `raw`; NULL after telling what is wrong.
 * `command` is for the message. */
json_t *client_ask(const struct client *c, const char *command, const char *request,
		   struct buffer *raw);
void client_free(struct client *c);

/* Members of an object; 0 or "" where they are not what is wanted. */
uint64_t client_number(const json_t *object, const char *name);
const char *client_text(const json_t *object, const char *name);
bool client_flag(const json_t *object, const char *name);

#endif
