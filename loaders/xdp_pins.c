/* The directory of pins on the BPF file system.
 * SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../agent/kept.h"
#include "../agent/log.h"
#include "xdp_pins.h"

#define BPF_MOUNT "/sys/fs/bpf"

static const char *const map_names[XDP_MAP_MAX] = {
#define M(id, name) [XDP_MAP_##id] = #name,
	XDP_MAPS(M)
#undef M
};

const char *xdp_map_name(enum xdp_map map)
{
	return map_names[map];
}

int xdp_fail(char *error, size_t error_size, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error, error_size, format, ap);
	va_end(ap);
	return -code;
}

int pins_path(char out[PIN_PATH_MAX], const char *path, const char *interface, const char *name)
{
	int n = snprintf(out, PIN_PATH_MAX, "%s%s%s%s%s", path, interface ? "/" : "",
			 interface ? interface : "", name ? "/" : "", name ? name : "");

	if (n < 0 || n >= PIN_PATH_MAX)
		return -ENAMETOOLONG;
	if (interface)
		for (char *c = out + strlen(path) + 1; *c && *c != '/'; c++)
			if (*c == '.')
				*c = ':';
	return 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* The file system that `path` is or would be on. */
static bool would_be_bpffs(const char *path)
{
	char up[sizeof(((struct pins *)0)->path)];
	struct stat st;
	char *slash;

	snprintf(up, sizeof(up), "%s", path);
	while (stat(up, &st) < 0 && errno == ENOENT) {
		slash = strrchr(up, '/');
		if (!slash || slash == up)
			return false;
		*slash = '\0';
	}
	return is_bpffs(up);
}

static int find_bpffs(const char *path, char *error, size_t error_size)
{
	if (would_be_bpffs(path))
		return 0;
	if (strncmp(path, BPF_MOUNT "/", strlen(BPF_MOUNT "/")) || is_bpffs(BPF_MOUNT))
		return xdp_fail(
			error, error_size, ENOTSUP,
			"pin path %s is not on a BPF file system: choose one below " BPF_MOUNT,
			path);
	if (mount("bpf", BPF_MOUNT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return xdp_fail(error, error_size, ENOTSUP,
				"no BPF file system on " BPF_MOUNT
				" and mounting it failed (%s): mount -t bpf bpf " BPF_MOUNT,
				strerror(errno));
	log_info("mounted the BPF file system on " BPF_MOUNT);
	return 0;
}

static int make_directories(const char *path, char *error, size_t error_size)
{
	char up[sizeof(((struct pins *)0)->path)];

	snprintf(up, sizeof(up), "%s", path);
	for (char *c = up + 1;; c++) {
		char was = *c;

		if (was != '/' && was != '\0')
			continue;
		*c = '\0';
		if (mkdir(up, 0700) < 0 && errno != EEXIST)
			return xdp_fail(error, error_size, errno, "cannot make %s: %s%s", up,
					strerror(errno),
					errno == EPERM ? " (no '.' in pin paths)" : "");
		*c = was;
		if (!was)
			return 0;
	}
}

struct same {
	struct stat st;
	int fd; /* what was found, or -1 */
};

static bool is_same(int fd, void *arg)
{
	struct same *s = arg;
	struct stat st;

	if (s->fd >= 0 || fstat(fd, &st) || st.st_dev != s->st.st_dev || st.st_ino != s->st.st_ino)
		return false;
	s->fd = fd;
	return true;
}

/* The agent that we take over from has given us its lock with its descriptor. */
static int kept_or(int fd)
{
	struct same s = {.fd = -1};

	if (fstat(fd, &s.st))
		return fd;
	kept_take(KEPT_PINS, is_same, &s);
	if (s.fd < 0)
		return fd;
	close(fd);
	return s.fd;
}

int pins_open(struct pins *p, const char *path, bool create, char *error, size_t error_size)
{
	struct stat locked, there;
	int r;

	p->fd = -1;
	if (path[0] != '/' || !path[1] || strlen(path) >= sizeof(p->path) - RX_INTERFACE_NAME)
		return xdp_fail(error, error_size, EINVAL,
				"pin path '%s' must be absolute and below %zu bytes", path,
				sizeof(p->path) - RX_INTERFACE_NAME);
	strcpy(p->path, path);
	if (create) {
		r = find_bpffs(path, error, error_size);
		if (r < 0)
			return r;
	}
	for (;;) {
		if (create) {
			r = make_directories(path, error, error_size);
			if (r < 0)
				return r;
		}
		p->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (p->fd < 0)
			return errno == ENOENT && create
				       ? xdp_fail(error, error_size, EAGAIN,
						  "%s was removed meanwhile: try again", path)
				       : xdp_fail(error, error_size, errno, "cannot open %s: %s",
						  path, strerror(errno));
		p->fd = kept_or(p->fd);
		if (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
			r = xdp_fail(error, error_size, EBUSY,
				     "another weir uses %s: stop it, or give this one its own "
				     "pin path",
				     path);
			close(p->fd);
			p->fd = -1;
			return r;
		}
		/* The one before us may have removed the directory just before it let go. */
		if (fstat(p->fd, &locked) == 0 && stat(path, &there) == 0 &&
		    locked.st_ino == there.st_ino)
			return 0;
		close(p->fd);
		p->fd = -1;
	}
}

void pins_close(struct pins *p)
{
	if (p->fd < 0)
		return;
	rmdir(p->path);
	close(p->fd);
	p->fd = -1;
}

int pins_interfaces(const char *path, void (*each)(const char *interface, void *arg), void *arg)
{
	char names[RX_INTERFACES_MAX][RX_INTERFACE_NAME];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	d = opendir(path);
	if (!d)
		return -errno;
	/* Read to the end first: `each` may remove what we stand on. */
	while ((e = readdir(d)) && n < RX_INTERFACES_MAX) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    strlen(e->d_name) >= RX_INTERFACE_NAME)
			continue;
		strcpy(names[n], e->d_name);
		for (char *c = names[n]; *c; c++)
			if (*c == ':')
				*c = '.';
		n++;
	}
	closedir(d);
	for (unsigned i = 0; i < n && each; i++)
		each(names[i], arg);
	return (int)n;
}

void pins_remove_interface(const char *path, const char *interface)
{
	char pin[PIN_PATH_MAX];

	if (pins_path(pin, path, interface, "link") == 0)
		unlink(pin);
	if (pins_path(pin, path, interface, "xsks") == 0)
		unlink(pin);
	if (pins_path(pin, path, interface, NULL) == 0)
		rmdir(pin);
}

void pins_remove_shared(const char *path)
{
	char pin[PIN_PATH_MAX];

	if (pins_interfaces(path, NULL, NULL) != 0)
		return;
	for (unsigned m = 0; m < XDP_MAP_MAX; m++)
		if (pins_path(pin, path, NULL, map_names[m]) == 0)
			unlink(pin);
}

int xdp_pinned_map(const char *pin_path, enum xdp_map map)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	char pin[PIN_PATH_MAX];
	int r = pins_path(pin, pin_path, NULL, map_names[map]);

	if (r < 0)
		return r;
	r = bpf_obj_get_opts(pin, &opts);
	return r < 0 ? -errno : r;
}
