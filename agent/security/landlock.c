/* Files and ports that stay within reach (Landlock).
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "security.h"

/* What headers older than the kernel lack: the struct of ABI 6, which the kernel takes in part. */
struct ruleset {
	uint64_t fs, net, scoped;
};

struct port_rule {
	uint64_t access, port;
};

enum {
	ABI_TRUNCATE = 3,
	ABI_NET = 4,
	ABI_IOCTL = 5,
	ABI_SCOPES = 6,
	RULE_PORT = 2,
};

#define READ		       (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_TRUNCATE	       (UINT64_C(1) << 14)
#define FS_IOCTL_DEV	       (UINT64_C(1) << 15)
#define BIND_TCP	       (UINT64_C(1) << 0)
#define CONNECT_TCP	       (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_SOCKETS (UINT64_C(1) << 0)
#define SCOPE_SIGNALS	       (UINT64_C(1) << 1)
#define WRITE                                                                           \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |           \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |                   \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_TRUNCATE | \
	 LANDLOCK_ACCESS_FS_REFER)

/* All that ABI 1 knows, execution among it, is refused where no rule allows it. */
static const uint64_t fs_all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

/* Libraries that are loaded late (name service, SASL), names, certificates and time zones. /etc as
 * a whole, as files like resolv.conf are replaced by renaming. */
static const char *const always_read[] = {
	"/usr",
	"/lib",
	"/lib64",
	"/etc",
	"/run/systemd/resolve",
	"/proc",
	"/dev/urandom",
	"/dev/random",
	"/sys/devices/system/cpu",
	NULL,
};

static const char *const always_write[] = {"/dev/null", "/dev/zero", "/dev/full", NULL};

static void add_path(struct buffer *to, const char *path)
{
	struct stat st;
	char *copy;

	if (!*path)
		return;
	if (!stat(path, &st) && (S_ISDIR(st.st_mode) || S_ISCHR(st.st_mode))) {
		buffer_bytes(to, path, strlen(path) + 1);
		return;
	}
	copy = strdup(path);
	if (copy) {
		const char *up = dirname(copy);

		/* Never all there is: of a file in / itself only what is there now. */
		if (!strcmp(up, "/"))
			up = path;
		buffer_bytes(to, up, strlen(up) + 1);
	}
	free(copy);
}

void security_may_read(struct security_paths *p, const char *path)
{
	add_path(&p->read, path);
}

void security_may_write(struct security_paths *p, const char *path)
{
	add_path(&p->write, path);
}

static int allow(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access};
	struct stat st;
	int r = 0;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return 0;
	/* What makes sense for directories only is refused for files. */
	if (!fstat(rule.parent_fd, &st) && !S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE |
				       LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		r = -errno;
	close(rule.parent_fd);
	return r;
}

static int allow_each(int ruleset, const struct buffer *paths, uint64_t access)
{
	int r = 0;

	for (size_t at = 0; at < paths->len && !r; at += strlen(paths->p + at) + 1)
		r = allow(ruleset, paths->p + at, access);
	return r;
}

static int allow_list(int ruleset, const char *const *paths, uint64_t access)
{
	int r = 0;

	for (; *paths && !r; paths++)
		r = allow(ruleset, *paths, access);
	return r;
}

static int allow_port(int ruleset, uint16_t port)
{
	const struct port_rule rule = {.access = BIND_TCP, .port = port};

	return syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) ? -errno : 0;
}

/* A service manager may listen at an abstract name, which the scope would hide. */
static bool notifies_abstract(void)
{
	const char *socket = getenv("NOTIFY_SOCKET");

	return socket && *socket == '@';
}

int security_landlock(const struct security_paths *paths)
{
	struct ruleset all = {.fs = fs_all};
	size_t size = sizeof(all.fs);
	uint64_t known;
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	int fd, r;

	if (abi < 0)
		return errno == EPERM ? -ENOSYS : -errno; /* as old filters of containers answer */
	if (abi < 2)
		return -EOPNOTSUPP; /* it would forbid renaming into another directory */
	all.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		all.fs |= FS_TRUNCATE;
	if (abi >= ABI_NET) {
		all.net = BIND_TCP | (paths->connect_tcp ? 0 : CONNECT_TCP);
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= ABI_IOCTL)
		all.fs |= FS_IOCTL_DEV;
	if (abi >= ABI_SCOPES) {
		all.scoped = SCOPE_SIGNALS | (notifies_abstract() ? 0 : SCOPE_ABSTRACT_SOCKETS);
		size = sizeof(all);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (fd < 0)
		return -errno;
	known = all.fs;
	r = allow_list(fd, always_read, READ & known);
	if (!r)
		r = allow_list(fd, always_write,
			       (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE) & known);
	if (!r)
		r = allow_each(fd, &paths->read, READ & known);
	if (!r)
		r = allow_each(fd, &paths->write, WRITE & known);
	if (!r && all.net && paths->bind_tcp)
		r = allow_port(fd, paths->bind_tcp);
	if (!r && syscall(SYS_landlock_restrict_self, fd, 0))
		r = -errno;
	close(fd);
	return r;
}
