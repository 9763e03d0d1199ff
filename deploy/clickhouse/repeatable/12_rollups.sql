-- Sums over windows of time, kept for years: data_flow_by_KIND_WINDOW and what fills each, …_mv.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${database}.schema_migration
--
-- A view that is there gets its new query by MODIFY QUERY, so that no row is missed in between. A
-- window that is no longer wanted keeps its table and view until they are dropped by hand.
--
-- A crash between the flows' part and a rollup's part leaves the rollup short: the batch is known
-- when it comes again. So each rollup has a view …_missing, of what the flows have and it has not
-- (or, as a count below zero, the other way round). `weir load rollups` puts it in; and, but for a
-- cluster, ClickHouse itself, by a refreshable view …_repair, in windows that have too few flows: where
-- somebody drops a day of flows for want of room its sums must stay. Only the command does the rest.

--@ set rollup_policy
policy_originator LowCardinality(Nullable(String)),
    policy_level LowCardinality(Nullable(String)),
    policy_scope Array(LowCardinality(String))
--@ end
--@ set rollup_policy_values
policy_originator,
--@ if rollup_policy_level
    '${rollup_policy_level}' AS policy_level,
--@ else
    policy_level,
--@ end
--@ if rollup_policy_scope
    ${rollup_policy_scope} AS policy_scope
--@ else
    ${rollup_own_scope} AS policy_scope
--@ end
--@ end
--@ set rollup_interfaces
in_interface_id LowCardinality(Nullable(String)),
    in_interface_ref Nullable(String) CODEC(ZSTD(1)),
    in_interface_edge Bool,
    out_interface_id LowCardinality(Nullable(String)),
    out_interface_ref Nullable(String) CODEC(ZSTD(1)),
    out_interface_edge Bool
--@ end
--@ set rollup_counts
flow_count UInt64 CODEC(T64, ZSTD(1)),
    bit_count UInt64 CODEC(T64, ZSTD(1)),
    packet_count UInt64 CODEC(T64, ZSTD(1))
--@ end
--@ set rollup_engine
ENGINE = ${replicated}SummingMergeTree((flow_count, bit_count, packet_count))
PARTITION BY toYYYYMM(start_time)
--@ end
--@ set rollup_settings
TTL start_time + INTERVAL ${rollup_ttl}
SETTINGS ttl_only_drop_parts = 1, allow_nullable_key = 1
--@ end

--@ set rollup_difference
toStartOfInterval(since, INTERVAL ${window_value}) AS first,
    -- Windows of which flows may have expired are left as they are, and those that still fill up.
    now('UTC') - INTERVAL ${flow_ttl} + INTERVAL 1 HOUR AS kept,
    filling AS
    (
        SELECT DISTINCT toStartOfInterval(toDateTime(start_time, 'UTC'), INTERVAL ${window_value})
        FROM ${database}.data_flow${local}
        WHERE start_time >= first AND insert_time > now64(3) - toIntervalSecond(quiet)
    )
SELECT ${rollup_keys},
    toUInt64(sum(flows)) AS flow_count,
    toUInt64(sum(bits)) AS bit_count,
    toUInt64(sum(number)) AS packet_count
FROM
(
    SELECT ${rollup_keys},
        toInt64(flow_count) AS flows, toInt64(bit_count) AS bits, toInt64(packet_count) AS number
    FROM
    (
        ${rollup_query}
    )
    UNION ALL
    SELECT ${rollup_keys},
        -toInt64(flow_count), -toInt64(bit_count), -toInt64(packet_count)
    FROM ${database}.${rollup}${local}
)
WHERE start_time >= first AND start_time >= kept AND start_time NOT IN filling
GROUP BY ${rollup_keys}
HAVING sum(flows) != 0 OR sum(bits) != 0 OR sum(number) != 0
--@ end
--@ set rollup_missing
CREATE OR REPLACE VIEW ${database}.${rollup}_missing ${on_cluster} AS
WITH
    {since:DateTime('UTC')} AS since,
    {quiet:UInt32} AS quiet,
    ${rollup_difference}
--@ end
--@ set rollup_repair
CREATE MATERIALIZED VIEW ${database}.${rollup}_repair
REFRESH EVERY ${rollup_refresh} APPEND TO ${database}.${rollup} AS
SELECT * EXCEPT (short)
FROM
(
    SELECT *, sum(toInt64(flow_count)) OVER (PARTITION BY start_time) AS short
    FROM
    (
        WITH
            least(now('UTC') - INTERVAL ${rollup_hours} HOUR,
                now('UTC') - INTERVAL ${window_value} - INTERVAL ${window_value}) AS since,
            ${rollup_quiet} AS quiet,
            ${rollup_difference}
    )
)
WHERE short > 0
--@ end
-- In a cluster each replica would put it in.
--@ set rollup_repaired
--@ if cluster
--@ else
--@ if rollup_refresh
true
--@ end
--@ end
--@ end

-- With the AS among the keys its scopes add no rows; without it they would leave a row for each pair
-- of AS, and none may see the sum over all AS for being one of them.
--@ set rollup_own_scope
data_flow${local}.policy_scope
--@ end
--@ for window in edge_as_windows
CREATE TABLE IF NOT EXISTS ${database}.data_flow_by_edge_as_${window}${local} ${on_cluster}
(
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    ${rollup_policy},
    bgp_as_path_id Array(UInt32) CODEC(ZSTD(1)),
    src_as_id UInt32,
    src_as_ref Nullable(String) CODEC(ZSTD(1)),
    dst_as_id UInt32,
    dst_as_ref Nullable(String) CODEC(ZSTD(1)),
    device_id LowCardinality(String),
    device_ref Nullable(String) CODEC(ZSTD(1)),
    application_id LowCardinality(Nullable(String)),
    ${rollup_interfaces},
    ip_version UInt8,
    ${rollup_counts},
    ext JSON(bgp_as_path_id Array(UInt32)) ALIAS
        CAST(CAST(tuple(bgp_as_path_id) AS Tuple(bgp_as_path_id Array(UInt32))) AS JSON(bgp_as_path_id Array(UInt32)))
)
${rollup_engine}
PRIMARY KEY (src_as_id, dst_as_id, start_time)
ORDER BY (src_as_id, dst_as_id, start_time, policy_originator, policy_level, policy_scope,
    bgp_as_path_id, src_as_ref, dst_as_ref, device_id, device_ref, application_id, in_interface_id,
    in_interface_ref, in_interface_edge, out_interface_id, out_interface_ref, out_interface_edge,
    ip_version)
${rollup_settings};

--@ set rollup_keys
start_time, policy_originator, policy_level, policy_scope, bgp_as_path_id, src_as_id, src_as_ref,
    dst_as_id, dst_as_ref, device_id, device_ref, application_id, in_interface_id, in_interface_ref,
    in_interface_edge, out_interface_id, out_interface_ref, out_interface_edge, ip_version
--@ end
--@ set edge_as_query
SELECT
    toStartOfInterval(toDateTime(data_flow${local}.start_time, 'UTC'), INTERVAL ${window_value}) AS start_time,
    ${rollup_policy_values},
    bgp_as_path_id, src_as_id, src_as_ref, dst_as_id, dst_as_ref, device_id, device_ref,
    if(application_service != '', application_service,
        dictGetOrNull('${database}.meta_application_dict', 'id', tuple(protocol), application_port)) AS application_id,
    in_interface_id, in_interface_ref, in_interface_edge,
    out_interface_id, out_interface_ref, out_interface_edge,
    ip_version,
    count() AS flow_count,
    sum(data_flow${local}.bit_count) AS bit_count,
    sum(data_flow${local}.packet_count) AS packet_count
FROM ${database}.data_flow${local}
WHERE in_interface_edge OR out_interface_edge
GROUP BY ALL
--@ end
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.data_flow_by_edge_as_${window}_mv ${on_cluster}
TO ${database}.data_flow_by_edge_as_${window}${local} AS
${edge_as_query};

ALTER TABLE ${database}.data_flow_by_edge_as_${window}_mv ${on_cluster} MODIFY QUERY
${edge_as_query};

--@ set rollup_query
${edge_as_query}
--@ end
--@ set rollup
data_flow_by_edge_as_${window}
--@ end
${rollup_missing};

DROP VIEW IF EXISTS ${database}.${rollup}_repair ${on_cluster};

--@ if rollup_repaired
${rollup_repair};

--@ end

--@ if cluster
CREATE TABLE IF NOT EXISTS ${database}.data_flow_by_edge_as_${window} ${on_cluster}
AS ${database}.data_flow_by_edge_as_${window}_local
ENGINE = Distributed('${cluster}', '${database}', 'data_flow_by_edge_as_${window}_local', rand());

--@ end
--@ end
--@ set rollup_own_scope
arrayFilter(s -> NOT startsWith(s, 'as:'), data_flow${local}.policy_scope)
--@ end
--@ for window in interface_windows
CREATE TABLE IF NOT EXISTS ${database}.data_flow_by_interface_${window}${local} ${on_cluster}
(
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    ${rollup_policy},
    device_id LowCardinality(String),
    device_ref Nullable(String) CODEC(ZSTD(1)),
    ${rollup_interfaces},
    ${rollup_counts}
)
${rollup_engine}
PRIMARY KEY (in_interface_id, out_interface_id, start_time)
ORDER BY (in_interface_id, out_interface_id, start_time, in_interface_ref, in_interface_edge,
    out_interface_ref, out_interface_edge, policy_originator, policy_level, policy_scope, device_id,
    device_ref)
${rollup_settings};

--@ set rollup_keys
start_time, policy_originator, policy_level, policy_scope, device_id, device_ref, in_interface_id,
    in_interface_ref, in_interface_edge, out_interface_id, out_interface_ref, out_interface_edge
--@ end
--@ set interface_query
SELECT
    toStartOfInterval(toDateTime(data_flow${local}.start_time, 'UTC'), INTERVAL ${window_value}) AS start_time,
    ${rollup_policy_values},
    device_id, device_ref,
    in_interface_id, in_interface_ref, in_interface_edge,
    out_interface_id, out_interface_ref, out_interface_edge,
    count() AS flow_count,
    sum(data_flow${local}.bit_count) AS bit_count,
    sum(data_flow${local}.packet_count) AS packet_count
FROM ${database}.data_flow${local}
WHERE in_interface_ref IS NOT NULL AND out_interface_ref IS NOT NULL
GROUP BY ALL
--@ end
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.data_flow_by_interface_${window}_mv ${on_cluster}
TO ${database}.data_flow_by_interface_${window}${local} AS
${interface_query};

ALTER TABLE ${database}.data_flow_by_interface_${window}_mv ${on_cluster} MODIFY QUERY
${interface_query};

--@ set rollup_query
${interface_query}
--@ end
--@ set rollup
data_flow_by_interface_${window}
--@ end
${rollup_missing};

DROP VIEW IF EXISTS ${database}.${rollup}_repair ${on_cluster};

--@ if rollup_repaired
${rollup_repair};

--@ end

--@ if cluster
CREATE TABLE IF NOT EXISTS ${database}.data_flow_by_interface_${window} ${on_cluster}
AS ${database}.data_flow_by_interface_${window}_local
ENGINE = Distributed('${cluster}', '${database}', 'data_flow_by_interface_${window}_local', rand());

--@ end
--@ end
--@ for window in ip_version_windows
CREATE TABLE IF NOT EXISTS ${database}.data_flow_by_ip_version_${window}${local} ${on_cluster}
(
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    ${rollup_policy},
    ip_version UInt8,
    ${rollup_counts}
)
${rollup_engine}
PRIMARY KEY (ip_version, start_time)
ORDER BY (ip_version, start_time, policy_originator, policy_level, policy_scope)
${rollup_settings};

--@ set rollup_keys
start_time, policy_originator, policy_level, policy_scope, ip_version
--@ end
--@ set ip_version_query
SELECT
    toStartOfInterval(toDateTime(data_flow${local}.start_time, 'UTC'), INTERVAL ${window_value}) AS start_time,
    ${rollup_policy_values},
    ip_version,
    count() AS flow_count,
    sum(data_flow${local}.bit_count) AS bit_count,
    sum(data_flow${local}.packet_count) AS packet_count
FROM ${database}.data_flow${local}
GROUP BY ALL
--@ end
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.data_flow_by_ip_version_${window}_mv ${on_cluster}
TO ${database}.data_flow_by_ip_version_${window}${local} AS
${ip_version_query};

ALTER TABLE ${database}.data_flow_by_ip_version_${window}_mv ${on_cluster} MODIFY QUERY
${ip_version_query};

--@ set rollup_query
${ip_version_query}
--@ end
--@ set rollup
data_flow_by_ip_version_${window}
--@ end
${rollup_missing};

DROP VIEW IF EXISTS ${database}.${rollup}_repair ${on_cluster};

--@ if rollup_repaired
${rollup_repair};

--@ end

--@ if cluster
CREATE TABLE IF NOT EXISTS ${database}.data_flow_by_ip_version_${window} ${on_cluster}
AS ${database}.data_flow_by_ip_version_${window}_local
ENGINE = Distributed('${cluster}', '${database}', 'data_flow_by_ip_version_${window}_local', rand());

--@ end
--@ end
