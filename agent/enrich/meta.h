/* What meta.json knows: devices, interfaces, applications, communities, AS names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file is made by `weir load trie` and read as a whole. Devices and interfaces are asked for
 * when an exporter or interface is first seen, the others for each flow. */
#ifndef WEIR_META_H
#define WEIR_META_H

#include "intern.h"

enum { META_FILE_MAX = 1 << 30 };

struct meta_device {
	struct device_info info; /* not encoded */
};

struct meta_interface {
	struct interface_info info; /* not encoded */
	struct text device_id;
	uint32_t flow_index;
};

struct meta_address {
	struct ip_addr address;
	uint32_t device;
};

struct meta_community {
	uint32_t key;	   /* last part of a route distinguisher */
	struct text scope; /* "comm:lhcone" */
};

/* What the port of a protocol says; [0] is nothing. */
struct meta_ports {
	uint16_t application[65536];
};

struct meta {
	struct interner interner;
	struct meta_device *devices;
	struct meta_address *addresses;	   /* sorted */
	struct meta_interface *interfaces; /* sorted by device and index, edge first */
	struct application_info *applications;
	struct meta_ports *ports[256];	    /* by protocol; NULL: none */
	struct meta_community *communities; /* sorted */
	const struct as_info **as;	    /* open hash by number */
	uint32_t as_mask;
	uint32_t n_devices, n_addresses, n_interfaces, n_applications, n_communities, n_as;
	size_t size;
	uint64_t generation; /* set by who puts it in use */
};

/* NULL and an `error` that names the file, the place in it and the fault. */
struct meta *meta_load(const char *path, const info_writer *const writers[INFO_FORMATS],
		       char *error, size_t size);
void meta_free(struct meta *m);

const struct device_info *meta_device(const struct meta *m, const struct ip_addr *address);
const struct interface_info *meta_interface(const struct meta *m, const struct text *device_id,
					    uint32_t flow_index);

/* The scope of a route distinguisher (RFC 4364 section 4.2), by its last part; NULL: none. */
const struct text *meta_community(const struct meta *m, uint64_t rd);

/* The application of one port; NULL: none. */
static inline const struct application_info *meta_application(const struct meta *m,
							      uint8_t protocol, uint16_t port)
{
	const struct meta_ports *p = m->ports[protocol];
	uint16_t i = p ? p->application[port] : 0;

	return i ? &m->applications[i] : NULL;
}

static inline const struct as_info *meta_as(const struct meta *m, uint32_t number)
{
	if (!m->n_as)
		return NULL;
	for (uint32_t i = number * 0x9e3779b1u;; i++) {
		const struct as_info *a = m->as[i & m->as_mask];

		if (!a || a->number == number)
			return a;
	}
}

#endif
