/* The running agent: opens everything, watches, reloads, stops.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AGENT_H
#define WEIR_AGENT_H

#include "conf/settings.h"

/* Where the settings came from, to read them again at SIGHUP. */
struct settings_source {
	const char *path; /* NULL: no file */
	const char *const *sets;
	unsigned n_sets;
};

/* An exit status: end and have been told to be started again. */
enum { AGENT_START_AGAIN = 75 }; /* EX_TEMPFAIL of sysexits.h */

/* Beside other agents. */
struct agent_place {
	bool replace; /* take the place of the one that runs */
	bool stay;    /* when another has taken ours, wait for the signal to end */
};

/* Runs until SIGTERM or SIGINT, a second one of which ends the process at once, or until another
 * agent has taken its place, or until interfaces that were removed are back and xdp.when_back says
 * so. SIGHUP reads the settings again and reopens files. Returns the exit status: 0, 1 when it
 * could not start or flows were not delivered, AGENT_START_AGAIN; what for has been logged. */
int agent_run(const struct settings *settings, const struct settings_source *source,
	      const struct agent_place *place);

#endif
