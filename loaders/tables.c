/* The metadata tables: their columns.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Columns stand in the order of their names, as the hash of a row wants it. `hash`, `insert_time`
 * and `ref` come from the history of versions. */
#include <string.h>

#include "tables.h"

#define TEXT(name)                            \
	{                                     \
		name, COLUMN_TEXT, 0, 0, NULL \
	}
#define NEEDED(name)                                        \
	{                                                   \
		name, COLUMN_TEXT, COLUMN_REQUIRED, 0, NULL \
	}
#define TEXTS(name)                            \
	{                                      \
		name, COLUMN_TEXTS, 0, 0, NULL \
	}
#define UINT(name, max)                         \
	{                                       \
		name, COLUMN_UINT, 0, max, NULL \
	}
#define FLOAT(name)                            \
	{                                      \
		name, COLUMN_FLOAT, 0, 0, NULL \
	}
#define REF(name, to)                                    \
	{                                                \
		name, COLUMN_TEXT, COLUMN_DERIVED, 0, to \
	}
#define REFS(name, to)                                    \
	{                                                 \
		name, COLUMN_TEXTS, COLUMN_DERIVED, 0, to \
	}
#define OWN(name, to)                                                      \
	{                                                                  \
		name, COLUMN_TEXT, COLUMN_DERIVED | COLUMN_UNHASHED, 0, to \
	}
#define OWNS(name, to)                                                      \
	{                                                                   \
		name, COLUMN_TEXTS, COLUMN_DERIVED | COLUMN_UNHASHED, 0, to \
	}
#define SUBNETS                                                       \
	{                                                             \
		"ip_subnet", COLUMN_SUBNETS, COLUMN_REQUIRED, 0, NULL \
	}
#define EXT                                    \
	{                                      \
		"ext", COLUMN_JSON, 0, 0, NULL \
	}

static const struct column organization[] = {
	TEXT("city_name"),
	TEXT("continent_name"),
	TEXT("country_code"),
	TEXT("country_name"),
	TEXT("country_sub_code"),
	TEXT("country_sub_name"),
	EXT,
	NEEDED("id"),
	FLOAT("latitude"),
	FLOAT("longitude"),
	NEEDED("name"),
	TEXTS("tag"),
	TEXTS("type"),
};

static const struct column as[] = {
	EXT,
	NEEDED("id"),
	NEEDED("name"),
	TEXT("organization_id"),
	REF("organization_ref", "meta_organization"),
	TEXTS("tag"),
};

static const struct column device[] = {
	TEXT("city_name"),
	TEXT("continent_name"),
	TEXT("country_code"),
	TEXT("country_name"),
	TEXT("country_sub_code"),
	TEXT("country_sub_name"),
	EXT,
	TEXT("hostname"),
	NEEDED("id"),
	FLOAT("latitude"),
	TEXT("location_name"),
	TEXTS("location_type"),
	FLOAT("longitude"),
	{"loopback_ip", COLUMN_IPS, 0, 0, NULL},
	{"management_ip", COLUMN_IPS, 0, 0, NULL},
	TEXT("manufacturer"),
	TEXT("model"),
	TEXT("network"),
	TEXT("os"),
	TEXT("role"),
	TEXT("state"),
	TEXTS("tag"),
	NEEDED("type"),
};

static const struct column circuit[] = {
	TEXTS("child_circuit_id"),
	OWNS("child_circuit_ref", "meta_circuit"),
	TEXT("description"),
	{"endpoint_id", COLUMN_PAIR, COLUMN_REQUIRED, 0, NULL},
	{"endpoint_type", COLUMN_PAIR, COLUMN_REQUIRED, 0, NULL},
	EXT,
	NEEDED("id"),
	TEXTS("parent_circuit_id"),
	OWNS("parent_circuit_ref", "meta_circuit"),
	TEXT("state"),
	TEXTS("tag"),
	TEXT("type"),
};

static const struct column interface[] = {
	TEXTS("circuit_id"),
	REFS("circuit_ref", "meta_circuit"),
	TEXT("description"),
	NEEDED("device_id"),
	REF("device_ref", "meta_device"),
	{"edge", COLUMN_BOOL, 0, 0, NULL},
	EXT,
	UINT("flow_index", UINT32_MAX),
	NEEDED("id"),
	{"ipv4", COLUMN_IP4, 0, 0, NULL},
	{"ipv6", COLUMN_IP6, 0, 0, NULL},
	TEXTS("lag_member_interface_id"),
	OWNS("lag_member_interface_ref", "meta_interface"),
	NEEDED("name"),
	UINT("peer_as_id", UINT32_MAX),
	REF("peer_as_ref", "meta_as"),
	{"peer_interface_ipv4", COLUMN_IP4, 0, 0, NULL},
	{"peer_interface_ipv6", COLUMN_IP6, 0, 0, NULL},
	TEXT("port_interface_id"),
	OWN("port_interface_ref", "meta_interface"),
	TEXT("remote_interface_id"),
	OWN("remote_interface_ref", "meta_interface"),
	TEXT("remote_organization_id"),
	REF("remote_organization_ref", "meta_organization"),
	UINT("speed", UINT64_MAX),
	TEXTS("tag"),
	NEEDED("type"),
};

static const struct column ip[] = {
	UINT("as_id", UINT32_MAX),
	REF("as_ref", "meta_as"),
	TEXT("city_name"),
	TEXT("continent_name"),
	TEXT("country_code"),
	TEXT("country_name"),
	TEXT("country_sub_code"),
	TEXT("country_sub_name"),
	EXT,
	NEEDED("id"),
	SUBNETS,
	FLOAT("latitude"),
	FLOAT("longitude"),
	TEXTS("tag"),
};

static const struct column scireg[] = {
	TEXT("contact_email"),
	TEXT("discipline"),
	EXT,
	NEEDED("id"),
	SUBNETS,
	FLOAT("latitude"),
	FLOAT("longitude"),
	TEXT("organization_id"),
	TEXT("organization_name"),
	REF("organization_ref", "meta_organization"),
	TEXT("project_name"),
	TEXT("resource_name"),
	{"scireg_update_time", COLUMN_DATE, 0, 0, NULL},
	TEXTS("tag"),
};

static const struct column cric[] = {
	TEXT("country_name"), EXT,
	NEEDED("id"),	      SUBNETS,
	FLOAT("latitude"),    FLOAT("longitude"),
	TEXT("netsite_name"), TEXT("rcsite_name"),
	TEXTS("tag"),	      UINT("tier", 255),
};

static const struct column scinet[] = {
	FLOAT("coordinate_x"),	   FLOAT("coordinate_y"), EXT, NEEDED("id"), SUBNETS,
	TEXT("organization_name"), TEXTS("tag"),
};

static const struct column application[] = {
	EXT,
	NEEDED("id"),
	{"port_range_max", COLUMN_UINT, COLUMN_REQUIRED, 65535, NULL},
	{"port_range_min", COLUMN_UINT, COLUMN_REQUIRED, 65535, NULL},
	NEEDED("protocol"),
	TEXTS("tag"),
};

#define TABLE(columns, table, variable, unversioned)       \
	static const struct meta_table table_##columns = { \
		table, variable, columns, sizeof(columns) / sizeof(*(columns)), unversioned}

TABLE(organization, "meta_organization", "CLICKHOUSE_ORGANIZATION_METADATA_TABLE", false);
TABLE(as, "meta_as", "CLICKHOUSE_AS_METADATA_TABLE", false);
TABLE(device, "meta_device", "CLICKHOUSE_DEVICE_METADATA_TABLE", false);
TABLE(circuit, "meta_circuit", "CLICKHOUSE_CIRCUIT_METADATA_TABLE", false);
TABLE(interface, "meta_interface", "CLICKHOUSE_IF_METADATA_TABLE", false);
TABLE(ip, "meta_ip", "CLICKHOUSE_IP_METADATA_TABLE", false);
TABLE(scireg, "meta_ip_scireg", "CLICKHOUSE_SCIREG_METADATA_TABLE", false);
TABLE(cric, "meta_ip_cric", "CLICKHOUSE_CRIC_IP_METADATA_TABLE", false);
TABLE(scinet, "meta_ip_scinet", "CLICKHOUSE_SCINET_METADATA_TABLE", false);
TABLE(application, "meta_application", "CLICKHOUSE_APPLICATION_METADATA_TABLE", true);

const struct meta_table *const meta_tables[] = {
	&table_organization, &table_as,		 &table_device, &table_circuit,
	&table_interface,    &table_ip,		 &table_scireg, &table_cric,
	&table_scinet,	     &table_application, NULL,
};

const struct meta_table *meta_table(const char *name)
{
	for (unsigned i = 0; meta_tables[i]; i++)
		if (!strcmp(meta_tables[i]->name, name))
			return meta_tables[i];
	return NULL;
}

int meta_column(const struct meta_table *t, const char *name)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!strcmp(t->columns[i].name, name))
			return (int)i;
	return -1;
}
