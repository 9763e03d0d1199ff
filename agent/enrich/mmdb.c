/* Opening MMDB files and reading their values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "mmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bytes.h"

enum mmdb_type {
	TYPE_EXTENDED = 0,
	TYPE_POINTER = 1,
	TYPE_TEXT = 2,
	TYPE_DOUBLE = 3,
	TYPE_BYTES = 4,
	TYPE_UINT16 = 5,
	TYPE_UINT32 = 6,
	TYPE_MAP = 7,
	TYPE_INT32 = 8,
	TYPE_UINT64 = 9,
	TYPE_UINT128 = 10,
	TYPE_ARRAY = 11,
	TYPE_BOOL = 14,
	TYPE_FLOAT = 15,
};

static const char runs_out[] = "a value runs past the end of the data";
static const char bad_pointer[] = "a pointer leads to another pointer";
static const char too_deep[] = "values are nested too deeply";
static const char no_map[] = "the value of a prefix is not a map";
static const char bad_key[] = "a key is not a text";
static const char too_large[] = "the value of a prefix is larger than 64 KiB";

/* One value: its type, its number of bytes, pairs or elements, where those begin, and where what
 * stands behind it begins (of a pointer; of what it leads to for all else that is no container). */
struct value {
	uint32_t type, size, at, next;
};

/* A copy: a file that is cut short or written over while it is mapped would end the process. */
static int copy_file(const char *path, char *error, size_t size)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = -1, err = 0;
	struct stat st = {0};
	off_t done = 0;

	if (from < 0 || fstat(from, &st)) {
		err = -errno;
		snprintf(error, size, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err = -EINVAL;
		snprintf(error, size, "%s: is not a file", path);
		goto out;
	}
	to = memfd_create("weir-mmdb", MFD_CLOEXEC);
	if (to < 0) {
		err = -errno;
		snprintf(error, size, "%s: no memory file for a copy: %s", path, strerror(errno));
		goto out;
	}
	while (done < st.st_size) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)(st.st_size - done), 0);

		if (n < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
			char block[1 << 16];

			n = read(from, block, sizeof(block));
			if (n > 0 && write(to, block, (size_t)n) != n)
				n = -1;
		}
		if (n < 0) {
			err = -errno;
			snprintf(error, size, "%s: %s", path, strerror(errno));
			goto out;
		}
		if (n == 0)
			break;
		done += n;
	}
out:
	if (from >= 0)
		close(from);
	if (err && to >= 0)
		close(to);
	return err ? err : to;
}

/* What has been opened: can it be read as far as the library has not looked? */
static int check_opened(struct mmdb *m, const char *path, char *error, size_t size)
{
	m->nodes = m->db.metadata.node_count;
	m->v6 = m->db.metadata.ip_version == 6;
	m->v4 = m->v6 ? m->db.ipv4_start_node.node_value : 0;
	m->v4_len = m->v6 ? m->db.ipv4_start_node.netmask : 0;
	if (!mmdb_tree_fits(&m->db)) {
		snprintf(error, size, "%s: its search tree is larger than the file", path);
		mmdb_close(m);
		return -EBADMSG;
	}
	if (m->db.metadata.ip_version != 4 && m->db.metadata.ip_version != 6) {
		snprintf(error, size, "%s: its addresses are neither IPv4 nor IPv6", path);
		mmdb_close(m);
		return -EBADMSG;
	}
	/* The library follows ::/96 when it opens the file, and does not ask where it ends. */
	if (m->v4 > m->nodes && m->v4 - m->nodes >= m->db.data_section_size) {
		snprintf(error, size, "%s: its search tree points outside of the file", path);
		mmdb_close(m);
		return -EBADMSG;
	}
	return 0;
}

int mmdb_open(struct mmdb *m, const char *path, char *error, size_t size)
{
	char name[32];
	int r, fd = copy_file(path, error, size);

	memset(m, 0, sizeof(*m));
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	r = MMDB_open(name, MMDB_MODE_MMAP, &m->db);
	close(fd);
	if (r != MMDB_SUCCESS) {
		snprintf(error, size, "%s: %s", path,
			 r == MMDB_FILE_OPEN_ERROR ? "its copy cannot be opened through /proc"
						   : MMDB_strerror(r));
		return -EBADMSG;
	}
	return check_opened(m, path, error, size);
}

int mmdb_open_own(struct mmdb *m, const char *path, char *error, size_t size)
{
	int r;

	memset(m, 0, sizeof(*m));
	r = MMDB_open(path, MMDB_MODE_MMAP, &m->db);
	if (r != MMDB_SUCCESS) {
		snprintf(error, size, "%s: %s", path, MMDB_strerror(r));
		return -EBADMSG;
	}
	return check_opened(m, path, error, size);
}

void mmdb_close(struct mmdb *m)
{
	MMDB_close(&m->db);
	memset(m, 0, sizeof(*m));
}

void mmdb_forget(const struct mmdb *m)
{
	madvise((void *)(uintptr_t)m->db.file_content, (size_t)m->db.file_size, MADV_DONTNEED);
}

static bool has(const MMDB_s *db, uint32_t at, uint32_t n)
{
	return at <= db->data_section_size && db->data_section_size - at >= n;
}

/* The head of the value at `at`, which is not a pointer. */
static const char *read_head(const MMDB_s *db, uint32_t at, struct value *v)
{
	const uint8_t *data = db->data_section;
	uint32_t more;

	if (!has(db, at, 1))
		return runs_out;
	v->type = data[at] >> 5;
	v->size = data[at++] & 31;
	if (v->type == TYPE_EXTENDED) {
		if (!has(db, at, 1))
			return runs_out;
		v->type = 7u + data[at++];
	}
	if (v->size >= 29) {
		more = v->size - 28;
		if (!has(db, at, more))
			return runs_out;
		v->size = (uint32_t)be_uint(data + at, more) + (more == 1   ? 29
								: more == 2 ? 285
									    : 65821);
		at += more;
	}
	v->at = v->next = at;
	if (v->type == TYPE_MAP || v->type == TYPE_ARRAY || v->type == TYPE_BOOL)
		return NULL;
	if (!has(db, at, v->size))
		return runs_out;
	v->next = at + v->size;
	return NULL;
}

/* The value at `at`, or what it points to; v->next is behind what stands at `at`. */
static inline const char *read_value(const MMDB_s *db, uint32_t at, struct value *v)
{
	static const uint32_t base[] = {0, 2048, 526336, 0};
	const uint8_t *data = db->data_section;
	uint32_t n, target;
	const char *wrong;

	if (!has(db, at, 1))
		return runs_out;
	if (data[at] >> 5 != TYPE_POINTER)
		return read_head(db, at, v);
	n = (data[at] >> 3 & 3) + 1;
	if (!has(db, at, n + 1))
		return runs_out;
	target = (uint32_t)be_uint(data + at + 1, n);
	if (n < 4)
		target += (uint32_t)(data[at] & 7) << (8 * n);
	target += base[n - 1];
	if (!has(db, target, 1))
		return runs_out;
	if (data[target] >> 5 == TYPE_POINTER)
		return bad_pointer;
	wrong = read_head(db, target, v);
	v->next = at + n + 1;
	return wrong;
}

/* Sets *at behind the value there. Each element takes a byte at least, so that the number of them
 * is bounded by `end`, where the entry must be over. */
static const char *skip(const MMDB_s *db, uint32_t *at, uint32_t end, unsigned depth)
{
	const char *wrong;
	struct value v;
	uint64_t n;

	if (!has(db, *at, 1))
		return runs_out;
	if (db->data_section[*at] >> 5 == TYPE_POINTER) {
		/* What it leads to is no matter, and likely not in the cache. */
		*at += (db->data_section[*at] >> 3 & 3) + 2u;
		return *at > end ? too_large : NULL;
	}
	wrong = read_head(db, *at, &v);
	if (wrong)
		return wrong;
	*at = v.next;
	if (v.next > end)
		return too_large;
	if (v.type != TYPE_MAP && v.type != TYPE_ARRAY)
		return NULL;
	if (depth == MMDB_DEPTH_MAX)
		return too_deep;
	n = v.type == TYPE_MAP ? 2 * (uint64_t)v.size : v.size;
	for (uint64_t i = 0; i < n && !wrong; i++)
		wrong = skip(db, at, end, depth + 1);
	return wrong;
}

static uint32_t end_of(const MMDB_s *db, uint32_t at)
{
	uint32_t left = db->data_section_size - at;

	return at + (left < MMDB_ENTRY_MAX ? left : MMDB_ENTRY_MAX);
}

/* The map that a record leads to: the offset of its head, which may be a pointer, and the map. */
static const char *read_entry(const struct mmdb *m, uint32_t record, uint32_t *at, struct value *v)
{
	const char *wrong;

	*at = record - m->nodes - MMDB_SEPARATOR;
	if (!has(&m->db, *at, 1))
		return runs_out;
	wrong = read_value(&m->db, *at, v);
	if (!wrong && m->db.data_section[*at] >> 5 == TYPE_POINTER)
		wrong = bad_pointer;
	if (!wrong && v->type != TYPE_MAP)
		wrong = no_map;
	return wrong;
}

static inline bool is(const MMDB_s *db, const struct value *key, const char *name, size_t n)
{
	return key->size == n && !memcmp(db->data_section + key->at, name, n);
}
#define IS(key, name) is(db, key, name, sizeof(name) - 1)

const char *mmdb_scan(const struct mmdb *m, uint32_t record, struct mmdb_bytes *bytes,
		      struct text *ip_ref)
{
	const MMDB_s *db = &m->db;
	uint32_t start, at, end;
	struct value map, key, value;
	const char *wrong = read_entry(m, record, &start, &map);

	if (wrong)
		return wrong;
	*ip_ref = (struct text){NULL, 0};
	bytes->p[0] = bytes->p[1] = db->data_section + start;
	bytes->len[1] = 0;
	at = map.at;
	end = end_of(db, at);
	for (uint32_t i = 0; i < map.size; i++) {
		uint32_t before = at;

		wrong = read_value(db, at, &key);
		if (!wrong && key.type != TYPE_TEXT)
			wrong = bad_key;
		if (wrong)
			return wrong;
		at = key.next;
		if (IS(&key, "ip_ref") && !ip_ref->p && !read_value(db, at, &value) &&
		    value.type == TYPE_TEXT) {
			ip_ref->p = (const char *)db->data_section + value.at;
			ip_ref->len = value.size;
			at = value.next;
			bytes->len[0] = (size_t)(db->data_section + before - bytes->p[0]);
			bytes->p[1] = db->data_section + at;
		} else {
			wrong = skip(db, &at, end, 0);
			if (wrong)
				return wrong;
		}
	}
	if (ip_ref->p)
		bytes->len[1] = (size_t)(db->data_section + at - bytes->p[1]);
	else
		bytes->len[0] = (size_t)(db->data_section + at - bytes->p[0]);
	return NULL;
}

static struct text text_of(const MMDB_s *db, const struct value *v)
{
	if (v->type != TYPE_TEXT)
		return (struct text){NULL, 0};
	return (struct text){(const char *)db->data_section + v->at, v->size};
}

static uint32_t uint_of(const MMDB_s *db, const struct value *v)
{
	if ((v->type != TYPE_UINT16 && v->type != TYPE_UINT32) || v->size > 4)
		return 0;
	return (uint32_t)be_uint(db->data_section + v->at, v->size);
}

static double double_of(const MMDB_s *db, const struct value *v)
{
	uint64_t bits = v->size == 8 ? be64(db->data_section + v->at) : 0;
	double d;

	memcpy(&d, &bits, sizeof(d));
	return v->type == TYPE_DOUBLE && v->size == 8 && fabs(d) <= 360 ? d : NAN;
}

/* The member `name` of a map; false where there is none. */
static bool member(const MMDB_s *db, const struct value *map, const char *name, struct value *out)
{
	uint32_t at = map->at, end;
	struct value key;

	if (map->type != TYPE_MAP || !has(db, at, 0))
		return false;
	end = end_of(db, at);
	for (uint32_t i = 0; i < map->size; i++) {
		if (read_value(db, at, &key) || key.type != TYPE_TEXT)
			return false;
		at = key.next;
		if (is(db, &key, name, strlen(name)))
			return !read_value(db, at, out);
		if (skip(db, &at, end, 0))
			return false;
	}
	return false;
}

/* A text, or the text that a map has as its member; of names in several languages the English one.
 */
static struct text text_in(const MMDB_s *db, const struct value *v, const char *name)
{
	struct value inner, names;

	if (v->type == TYPE_TEXT)
		return text_of(db, v);
	if (!strcmp(name, "names"))
		return member(db, v, name, &names) && member(db, &names, "en", &inner)
			       ? text_of(db, &inner)
			       : (struct text){NULL, 0};
	return member(db, v, name, &inner) ? text_of(db, &inner) : (struct text){NULL, 0};
}

static void read_refs(const MMDB_s *db, const struct value *map, struct mmdb_values *v)
{
	uint32_t at = map->at, end;
	struct value key, value;

	if (map->type != TYPE_MAP || !has(db, at, 0))
		return;
	end = end_of(db, at);
	for (uint32_t i = 0; i < map->size; i++) {
		if (read_value(db, at, &key) || key.type != TYPE_TEXT ||
		    read_value(db, key.next, &value))
			return;
		if (IS(&key, "scireg")) {
			v->scireg = text_of(db, &value);
		} else if (IS(&key, "cric")) {
			v->cric = text_of(db, &value);
		} else if (IS(&key, "scinet")) {
			v->scinet = text_of(db, &value);
		} else if (value.type == TYPE_TEXT && v->n_refs + 2 <= MMDB_REFS_MAX) {
			v->refs[v->n_refs++] = text_of(db, &key);
			v->refs[v->n_refs++] = text_of(db, &value);
		}
		at = key.next;
		if (skip(db, &at, end, 0))
			return;
	}
}

static void read_member(const MMDB_s *db, const struct value *key, const struct value *value,
			struct mmdb_values *v)
{
	static const char *const network[] = {"name", "role", "site", "region", "tenant"};
	struct value inner;

	if (IS(key, "as") || IS(key, "autonomous_system_number")) {
		v->as = uint_of(db, value);
	} else if (IS(key, "as_name") || IS(key, "autonomous_system_organization")) {
		v->as_name = text_of(db, value);
	} else if (IS(key, "as_ref")) {
		v->as_ref = text_of(db, value);
	} else if (IS(key, "organization")) {
		v->organization = text_of(db, value);
	} else if (IS(key, "organization_ref")) {
		v->organization_ref = text_of(db, value);
	} else if (IS(key, "ip_ref")) {
		v->ip_ref = text_of(db, value);
	} else if (IS(key, "continent")) {
		v->continent = text_in(db, value, "code");
	} else if (IS(key, "country")) {
		v->country = text_in(db, value, "iso_code");
	} else if (IS(key, "subdivision")) {
		v->subdivision = text_of(db, value);
	} else if (IS(key, "subdivisions")) {
		if (value->type == TYPE_ARRAY && value->size && !read_value(db, value->at, &inner))
			v->subdivision = text_in(db, &inner, "names");
	} else if (IS(key, "city")) {
		v->city = text_in(db, value, "names");
	} else if (IS(key, "latitude")) {
		v->latitude = double_of(db, value);
	} else if (IS(key, "longitude")) {
		v->longitude = double_of(db, value);
	} else if (IS(key, "location")) {
		if (member(db, value, "latitude", &inner))
			v->latitude = double_of(db, &inner);
		if (member(db, value, "longitude", &inner))
			v->longitude = double_of(db, &inner);
	} else if (IS(key, "refs")) {
		read_refs(db, value, v);
	} else if (IS(key, "network")) {
		for (size_t i = 0; i < sizeof(network) / sizeof(*network); i++)
			if (member(db, value, network[i], &inner))
				v->network[i] = text_of(db, &inner);
	}
}

const char *mmdb_read(const struct mmdb *m, uint32_t record, struct mmdb_values *v)
{
	const MMDB_s *db = &m->db;
	struct value map, key, value;
	const char *wrong;
	uint32_t at, end;

	memset(v, 0, sizeof(*v));
	v->latitude = v->longitude = NAN;
	wrong = read_entry(m, record, &at, &map);
	if (wrong)
		return wrong;
	at = map.at;
	end = end_of(db, at);
	for (uint32_t i = 0; i < map.size; i++) {
		wrong = read_value(db, at, &key);
		if (!wrong && key.type != TYPE_TEXT)
			wrong = bad_key;
		if (!wrong)
			wrong = read_value(db, key.next, &value);
		if (wrong)
			return wrong;
		at = key.next;
		wrong = skip(db, &at, end, 0);
		if (wrong)
			return wrong;
		read_member(db, &key, &value, v);
	}
	return NULL;
}
