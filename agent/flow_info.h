/* What enrichment attaches to a flow: plain structs that are made once and shared by many flows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A flow gets pointers. Each struct also holds itself as the encoders write it, made when the
 * tables are loaded, so that encoding an enriched flow is copying. They stay valid until the batch
 * that refers to them has been published. */
#ifndef WEIR_FLOW_INFO_H
#define WEIR_FLOW_INFO_H

#include "flow.h"

enum {
	INFO_TEXT_MAX = 255, /* longer texts are cut at a character */
	INFO_LIST_MAX = 8,   /* circuits of an interface, references to further tables */
	INFO_SCOPES_MAX = 16 + 3,
	INFO_BEYOND = 32, /* bytes behind encoded ones that may be read, so that copying is quick */
	INFO_SCOPE_TEXT = 16, /* "as:4294967295" */
};

enum info_format { INFO_PROTOBUF, INFO_JSON, INFO_FORMATS };

/* The same facts have other names where they are of the source or of the destination, of the
 * interface that took the packets in or of the one that sent them. */
enum info_role { INFO_SOURCE, INFO_DESTINATION, INFO_ROLES, INFO_IN = 0, INFO_OUT = 1 };

/* Encoded members: one image for each format, where that of the other role differs from it by
 * nothing but the names of the members, else an image of each role; those of the formats one after
 * another.
 *
 * Before the images: for each format, going back from them, a byte with the number of names (0:
 * each role has an image), then, going back as well, where in the image each name is that the
 * other role has another for: uint16_t. info_names() finds them. */
struct info_bytes {
	const uint8_t *bytes; /* the images; NULL: not encoded */
	uint16_t len[INFO_FORMATS][INFO_ROLES];
};

/* What makes the destination's name of the source's: added to its first four bytes as a
 * little-endian number. Protobuf: the tag of the field whose number is higher by 30 (see
 * FLOW_INFO_PARTS); JSON: "src_" becomes "dst_". */
#define INFO_NAME_PROTOBUF 0x1f0u
#define INFO_NAME_JSON	   (uint32_t)(('d' - 's') + ('s' - 'r') * 256 + ('t' - 'c') * 65536)

static inline uint32_t info_name_change(enum info_format f)
{
	return f == INFO_PROTOBUF ? INFO_NAME_PROTOBUF : INFO_NAME_JSON;
}

static inline unsigned info_n_names(const struct info_bytes *e, enum info_format f)
{
	return e->bytes[-1 - (int)f];
}

/* n × uint16_t, not aligned. */
static inline const uint8_t *info_names(const struct info_bytes *e, enum info_format f)
{
	const uint8_t *p = e->bytes - INFO_FORMATS;

	for (unsigned i = 0; i <= (unsigned)f; i++)
		p -= 2 * info_n_names(e, (enum info_format)i);
	return p;
}

/* Bytes of a format's images. */
static inline uint32_t info_image_bytes(const struct info_bytes *e, enum info_format f)
{
	return e->len[f][0] + (info_n_names(e, f) ? 0u : e->len[f][1]);
}

/* Has what will be copied for one role fetched: the struct's first member, and what lies before the
 * struct, as many bytes as info_bytes_before() said when the table was made. Of more than four
 * lines of the cache some are left out. */
static inline void info_prefetch(const void *info, uint32_t bytes_before)
{
	const char *p = info;

	if (!info)
		return;
	__builtin_prefetch(p);
	p -= bytes_before;
	__builtin_prefetch(p);
	if (bytes_before > 2 * CACHE_LINE - sizeof(struct info_bytes)) {
		__builtin_prefetch(p + CACHE_LINE);
		__builtin_prefetch(p + 2 * CACHE_LINE);
	}
}

/* Bytes of the images and their names where they lie right before the struct. */
static inline uint32_t info_bytes_before(const void *info)
{
	const struct info_bytes *e = info;
	uint32_t n = 0;

	for (unsigned f = 0; e && f < INFO_FORMATS; f++)
		n += info_image_bytes(e, (enum info_format)f) + 1 +
		     2 * info_n_names(e, (enum info_format)f);
	return n;
}

/* Texts are UTF-8 without control characters, at most INFO_TEXT_MAX bytes; p is NULL where nothing
 * is known. Numbers are 0, coordinates NaN. */
struct texts {
	const struct text *p;
	uint32_t n;
};

struct as_info {
	struct info_bytes encoded; /* the first member of each of these */
	struct text name, ref, organization, organization_ref;
	uint32_t number;
};

struct geo_info {
	struct info_bytes encoded;
	struct text continent, country, subdivision, city;
	double latitude, longitude; /* degrees */
};

/* Of the operator's own networks, and references to rows of further IP tables. */
struct network_info {
	struct info_bytes encoded;
	struct text name, role, site, region, tenant;
	struct text scireg, cric, scinet;
	struct texts refs; /* of others: table and reference in turn */
};

struct device_info {
	struct info_bytes encoded;
	struct text id, ref, name, group, role, site, region, tenant;
};

struct interface_info {
	struct info_bytes encoded;
	struct text id, ref, name, description;
	uint64_t speed; /* bit/s */
	bool edge;
	struct texts circuit_id, circuit_ref;
	struct text connectivity, provider, boundary;
	/* What is used where the record has no BGP next hop; not encoded. */
	uint32_t peer_as;
	struct ip_addr peer_ip;
};

struct application_info {
	struct info_bytes encoded;
	struct text id;
};

enum info_kind {
	INFO_AS,
	INFO_GEO,
	INFO_NETWORK,
	INFO_DEVICE,
	INFO_INTERFACE,
	INFO_APPLICATION,
	INFO_KINDS,
};

/* Writes one of the structs above for one role; there is room for INFO_ENCODED_MAX bytes. Returns
 * where it ends. Each format has one for each kind. */
typedef uint8_t *(*info_writer)(uint8_t *to, const void *info, enum info_role role);

enum { INFO_ENCODED_MAX = 64 * 1024 - 1 };

/* Apart, because few flows have them: only as many elements as the counts say are initialised. */
struct flow_info_lists {
	struct text scopes[INFO_SCOPES_MAX];
	char scope_text[2][INFO_SCOPE_TEXT]; /* what some of the scopes point to */
	uint32_t path_id[FLOW_AS_PATH_MAX];
	uint32_t path_padding[FLOW_AS_PATH_MAX]; /* how often each is repeated beyond once */
};

/* All that was found for one flow; NULL pointers and zero are "not known". */
struct flow_info {
	const struct as_info *src_as, *dst_as;
	const struct geo_info *src_geo, *dst_geo;
	const struct network_info *src_network, *dst_network;
	const struct device_info *device;
	const struct interface_info *in_interface, *out_interface;
	const struct application_info *application;
	struct text src_ip_ref, dst_ip_ref;
	struct text policy_originator, policy_level;
	struct text peer_as_name, peer_as_ref, peer_organization, peer_ip_ref;
	struct ip_addr peer_ip;
	uint32_t peer_as;
	uint32_t application_port;
	uint32_t n_scopes, n_path;

	struct flow_info_lists *lists; /* valid where one of these counts is not 0 */
};

#endif
