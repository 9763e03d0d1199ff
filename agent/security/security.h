/* What the agent may still do once it runs: user, capabilities, files, system calls.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The order at start: what needs privileges of the machine (XDP, UDP sockets) is opened first, by
 * the only thread there is. security_confine() then takes all that no later step needs, from every
 * thread to come. Threads give up what they inherited by security_drop(), the main one last, and
 * security_filter() closes what is left of the kernel to all of them. */
#ifndef WEIR_SECURITY_H
#define WEIR_SECURITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../buffer.h"

enum security_filter { FILTER_OFF, FILTER_LOG, FILTER_ON };
enum security_secrets { SECRETS_REFUSE, SECRETS_WARN };

struct security_options {
	char *user;		/* name or number to become; NULL: stay */
	bool drop_capabilities; /* all but CAP_BPF where the kernel wants that for reading maps */
	bool landlock;		/* no file beyond those that the settings name */
	enum security_filter seccomp;
	enum security_secrets secret_files; /* what to do when all may read a file of secrets */
};

/* Files that stay within reach. Of each path that is a file the directory counts, as files are
 * replaced by renaming; paths that do not exist are left out. */
struct security_paths {
	struct buffer read, write; /* NUL-terminated, one after the other */
	uint16_t bind_tcp;	   /* the one TCP port that may still be bound; 0: none */
	bool connect_tcp;	   /* to whatever port: brokers tell of others than we are told */
};

void security_may_read(struct security_paths *p, const char *path);
void security_may_write(struct security_paths *p, const char *path);

/* While there is one thread only: makes the directories of `own` (NUL-terminated, one after the
 * other) where they are missing, and gives them and the pins below pin_path (NULL: none) to the
 * user to become. 0 or a negative errno with one line logged. */
int security_own(const struct security_options *o, const struct buffer *own, const char *pin_path);

/* Then: becomes the user, empties the bounding set, sets no_new_privs, and restricts files.
 * Capabilities that the rest of the start needs stay. What the kernel does not know is left out
 * with a word. 0 or a negative errno with one line logged. */
int security_confine(const struct security_options *o, const struct security_paths *paths);

/* The calling thread gives up all capabilities. */
void security_drop(const struct security_options *o);

/* The same of the main thread, when no later step needs any. map_fd: a BPF map that is read while
 * running, or -1: where the kernel lets only CAP_BPF read it, that one stays. 0 or a negative errno
 * with one line logged. */
int security_drop_last(const struct security_options *o, int map_fd);

/* Last: the filter of system calls, in all threads. 0 or a negative errno with one line logged. */
int security_filter(const struct security_options *o);

/* Landlock alone; 0, or a negative errno without a word (-ENOSYS, -EOPNOTSUPP: not there). */
int security_landlock(const struct security_paths *paths);

/* Whether a file that holds a secret may be used: 0, or -EACCES with a line logged where others
 * than its owner and group can read it and secret_files says so. With `secret` only where that text
 * stands in the file. Files that are not there are fine; NULL is, too. */
int security_secret_file(const struct security_options *o, const char *what, const char *path,
			 const char *secret);

#endif
