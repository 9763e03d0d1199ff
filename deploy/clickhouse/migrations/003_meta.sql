-- Metadata with its history: a row is never changed, a new version has the next ref; the latest is
-- the one with the greatest insert_time. `weir load` fills these tables.
-- SPDX-License-Identifier: Apache-2.0

--@ set versioned
id String,
    ref String,
    hash String,
    insert_time DateTime DEFAULT now(),
    ext JSON,
    tag Array(LowCardinality(String))
--@ end
--@ set place
city_name LowCardinality(Nullable(String)),
    continent_name LowCardinality(Nullable(String)),
    country_name LowCardinality(Nullable(String)),
    country_code LowCardinality(Nullable(String)),
    country_sub_name LowCardinality(Nullable(String)),
    country_sub_code LowCardinality(Nullable(String)),
    latitude Nullable(Float64),
    longitude Nullable(Float64)
--@ end
--@ set history
ENGINE = ${replicated}MergeTree${everywhere}
ORDER BY (ref, id, insert_time)
--@ end

CREATE TABLE IF NOT EXISTS ${database}.meta_organization ${on_cluster}
(
    ${versioned},
    name LowCardinality(String),
    type Array(LowCardinality(String)),
    ${place}
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_as ${on_cluster}
(
    ${versioned},
    name LowCardinality(String),
    organization_id String,
    organization_ref Nullable(String)
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_ip ${on_cluster}
(
    ${versioned},
    ip_subnet Array(Tuple(IPv6, UInt8)),
    ${place},
    as_id Nullable(UInt32),
    as_ref Nullable(String)
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_device ${on_cluster}
(
    ${versioned},
    type LowCardinality(String),
    loopback_ip Array(IPv6),
    management_ip Array(IPv6),
    hostname LowCardinality(Nullable(String)),
    location_name LowCardinality(Nullable(String)),
    location_type Array(LowCardinality(Nullable(String))),
    ${place},
    manufacturer LowCardinality(Nullable(String)),
    model LowCardinality(Nullable(String)),
    network LowCardinality(Nullable(String)),
    os LowCardinality(Nullable(String)),
    role LowCardinality(Nullable(String)),
    state LowCardinality(Nullable(String))
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_interface ${on_cluster}
(
    ${versioned},
    type LowCardinality(String),
    description Nullable(String),
    device_id String,
    device_ref Nullable(String),
    edge Bool,
    flow_index Nullable(UInt32),
    ipv4 Nullable(IPv4),
    ipv6 Nullable(IPv6),
    name String,
    speed Nullable(UInt64),  -- bit/s
    circuit_id Array(String),
    circuit_ref Array(Nullable(String)),
    peer_as_id Nullable(UInt32),
    peer_as_ref Nullable(String),
    peer_interface_ipv4 Nullable(IPv4),
    peer_interface_ipv6 Nullable(IPv6),
    lag_member_interface_id Array(LowCardinality(String)),
    lag_member_interface_ref Array(Nullable(String)),
    port_interface_id LowCardinality(Nullable(String)),
    port_interface_ref Nullable(String),
    remote_interface_id LowCardinality(Nullable(String)),
    remote_interface_ref Nullable(String),
    remote_organization_id LowCardinality(Nullable(String)),
    remote_organization_ref Nullable(String)
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_circuit ${on_cluster}
(
    ${versioned},
    type LowCardinality(Nullable(String)),
    description Nullable(String),
    state LowCardinality(Nullable(String)),
    endpoint_type Tuple(LowCardinality(String), LowCardinality(String)),
    endpoint_id Tuple(String, String),
    child_circuit_id Array(LowCardinality(String)),
    child_circuit_ref Array(Nullable(String)),
    parent_circuit_id Array(LowCardinality(String)),
    parent_circuit_ref Array(Nullable(String))
)
${history};

-- Not versioned.
CREATE TABLE IF NOT EXISTS ${database}.meta_application ${on_cluster}
(
    id String,
    insert_time DateTime DEFAULT now(),
    ext JSON,
    tag Array(LowCardinality(String)),
    protocol LowCardinality(String),
    port_range_min UInt16,
    port_range_max UInt16
)
ENGINE = ${replicated}ReplacingMergeTree${everywhere}
ORDER BY (protocol, id, port_range_min, port_range_max);

-- Further IP tables.
CREATE TABLE IF NOT EXISTS ${database}.meta_ip_scireg ${on_cluster}
(
    ${versioned},
    scireg_update_time Date,
    ip_subnet Array(Tuple(IPv6, UInt8)),
    organization_name Nullable(String),
    organization_id LowCardinality(Nullable(String)),
    organization_ref Nullable(String),
    discipline Nullable(String),
    latitude Nullable(Float64),
    longitude Nullable(Float64),
    resource_name Nullable(String),
    project_name Nullable(String),
    contact_email Nullable(String)
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_ip_scinet ${on_cluster}
(
    ${versioned},
    ip_subnet Array(Tuple(IPv6, UInt8)),
    organization_name Nullable(String),
    coordinate_x Nullable(Float64),
    coordinate_y Nullable(Float64)
)
${history};

CREATE TABLE IF NOT EXISTS ${database}.meta_ip_cric ${on_cluster}
(
    ${versioned},
    ip_subnet Array(Tuple(IPv6, UInt8)),
    rcsite_name LowCardinality(Nullable(String)),
    netsite_name LowCardinality(Nullable(String)),
    country_name LowCardinality(Nullable(String)),
    latitude Nullable(Float64),
    longitude Nullable(Float64),
    tier Nullable(UInt8)
)
${history};
