/* The user and the capabilities of the agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <cap-ng.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../log.h"
#include "security.h"

/* What opening AF_XDP sockets and starting workers takes after security_confine(). */
static const unsigned start_needs[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_IPC_LOCK,
				       CAP_SYS_NICE};

struct identity {
	uid_t uid;
	gid_t gid;
};

static int find_user(const char *name, struct identity *to)
{
	const struct passwd *p;
	unsigned long id;
	char *end;

	errno = 0;
	if (isdigit((unsigned char)*name)) {
		id = strtoul(name, &end, 10);
		if (*end || id >= UINT32_MAX) {
			log_error("security.user %s: is neither a name nor a number", name);
			return -EINVAL;
		}
		p = getpwuid((uid_t)id);
		to->uid = (uid_t)id;
		to->gid = p ? p->pw_gid : (gid_t)id;
		return 0;
	}
	p = getpwnam(name);
	if (!p) {
		log_error("security.user %s: there is no such user: `adduser --system --group %s` "
			  "makes one",
			  name, name);
		return -ENOENT;
	}
	to->uid = p->pw_uid;
	to->gid = p->pw_gid;
	return 0;
}

/* Makes a directory and those above it. The last one, where it was not there, belongs to the user:
 * what was there may be shared, as /tmp is, and is left alone. */
static void make_own(const char *path, const struct identity *id)
{
	char *copy = strdup(path);

	for (char *p = copy ? strchr(copy + 1, '/') : NULL; p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	if (copy && !mkdir(copy, 0750) && id && chown(copy, id->uid, id->gid))
		log_warning("%s cannot be given to the user %u: %s", copy, id->uid,
			    strerror(errno));
	free(copy);
}

/* The pins are ours alone; who removes them at the stop must own their directories. */
static void give_pins(const char *path, const struct identity *id)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".."))
			(void)!fchownat(dirfd(d), e->d_name, id->uid, id->gid, AT_SYMLINK_NOFOLLOW);
	closedir(d);
}

static void keep_for_start(void)
{
	bool have[sizeof(start_needs) / sizeof(*start_needs)];

	capng_get_caps_process();
	for (size_t i = 0; i < sizeof(start_needs) / sizeof(*start_needs); i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, start_needs[i]) > 0;
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < sizeof(start_needs) / sizeof(*start_needs); i++)
		if (have[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, start_needs[i]);
}

static bool may_empty_bounds(void)
{
	capng_get_caps_process();
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) > 0;
}

static int become(const struct security_options *o, const struct identity *id)
{
	bool bounds = may_empty_bounds();

	if (!id && !o->drop_capabilities)
		return 0;
	keep_for_start();
	errno = 0;
	if (id) {
		if (!capng_change_id((int)id->uid, (int)id->gid,
				     CAPNG_DROP_SUPP_GRP | (bounds ? CAPNG_CLEAR_BOUNDING : 0)))
			return 0;
		log_error("security.user %s: cannot become it (%s): start as root, with CAP_SETUID "
			  "and CAP_SETGID",
			  o->user, strerror(errno ? errno : EPERM));
		return -EPERM;
	}
	/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it worthless. */
	if (!capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS))
		return 0;
	log_error("capabilities cannot be given up: %s; security.drop_capabilities: false keeps "
		  "them",
		  strerror(errno));
	return -EPERM;
}

static void tell_unwritable(const struct security_paths *paths)
{
	const struct buffer *w = &paths->write;

	for (size_t at = 0; at < w->len; at += strlen(w->p + at) + 1) {
		const char *path = w->p + at;

		if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) && errno == EACCES)
			log_warning("%s: not writable for user %u without CAP_DAC_OVERRIDE, which "
				    "weir gives up: chown %u %s",
				    path, geteuid(), geteuid(), path);
	}
}

/* The user to become, or NULL to stay as we are. Negative errno in *r. */
static const struct identity *wanted(const struct security_options *o, struct identity *found,
				     int *r)
{
	*r = o->user ? find_user(o->user, found) : 0;
	if (!o->user || *r || (found->uid == geteuid() && found->gid == getegid()))
		return NULL;
	return found;
}

int security_own(const struct security_options *o, const struct buffer *own, const char *pin_path)
{
	struct identity found;
	int r;
	const struct identity *id = wanted(o, &found, &r);

	if (r)
		return r;
	for (size_t at = 0; at < own->len; at += strlen(own->p + at) + 1)
		make_own(own->p + at, id);
	if (id && pin_path)
		give_pins(pin_path, id);
	return 0;
}

int security_confine(const struct security_options *o, const struct security_paths *paths)
{
	struct identity found;
	int r;
	const struct identity *id = wanted(o, &found, &r);

	if (!r)
		r = become(o, id);
	if (r)
		return r;
	tell_unwritable(paths);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_error("no_new_privs: %s", strerror(errno));
		return -errno;
	}
	r = o->landlock ? security_landlock(paths) : 0;
	if (r == -ENOSYS || r == -EOPNOTSUPP) {
		log_info("this kernel has no Landlock: files are restricted by their modes only");
		return 0;
	}
	if (r)
		log_error("Landlock: %s; security.landlock: false goes without", strerror(-r));
	return r;
}

void security_drop(const struct security_options *o)
{
	if (!o->drop_capabilities)
		return;
	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS))
		log_warning("a thread keeps its capabilities: %s", strerror(errno));
}

/* Before Linux 5.19 reading maps took CAP_BPF where kernel.unprivileged_bpf_disabled is set. */
static bool map_wants_capability(int map_fd)
{
	char key[512];

	return map_fd >= 0 && bpf_map_get_next_key(map_fd, NULL, key) < 0 && errno == EPERM;
}

/* Gives up all but CAP_BPF, tries without it, and then gives that up, too, or takes it back. */
int security_drop_last(const struct security_options *o, int map_fd)
{
	bool bpf;

	if (!o->drop_capabilities)
		return 0;
	capng_get_caps_process();
	bpf = capng_have_capability(CAPNG_PERMITTED, CAP_BPF) > 0;
	capng_clear(CAPNG_SELECT_CAPS);
	if (bpf)
		capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF);
	if (capng_apply(CAPNG_SELECT_CAPS)) {
		log_error("capabilities cannot be given up: %s; security.drop_capabilities: false "
			  "keeps them",
			  strerror(errno));
		return -EPERM;
	}
	if (!bpf)
		return 0;
	if (!map_wants_capability(map_fd)) {
		security_drop(o);
		return 0;
	}
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_BPF);
	capng_apply(CAPNG_SELECT_CAPS);
	log_info("CAP_BPF is kept: this kernel lets nobody without it read maps");
	return 0;
}
