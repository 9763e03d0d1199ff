-- Counters that exporters sent by themselves (sFlow), and the traffic of interfaces by them.
-- SPDX-License-Identifier: Apache-2.0

-- One row for each counter sample, with all it held, each by the name that its MIB gives. A zero
-- stands in `numbers` whatever its kind.
CREATE TABLE IF NOT EXISTS ${database}.counter_sample${local} ${on_cluster}
(
    time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    insert_time DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    collector_id LowCardinality(String),
    sampler_address IPv6 CODEC(ZSTD(1)),
    sub_agent_id UInt32,
    source_id_type UInt8,
    source_id_index UInt32,
    sequence_num UInt32 CODEC(ZSTD(1)),
    numbers Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    negatives Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    fractions Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    texts Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    opaques Map(LowCardinality(String), String) CODEC(ZSTD(1)),  -- hex
    batch UInt64 DEFAULT cityHash64(queryID()) CODEC(ZSTD(1)),

    PROJECTION batches
    (
        SELECT batch, toDate(time), count()
        GROUP BY batch, toDate(time)
    )
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMMDD(time)
ORDER BY (sampler_address, source_id_type, source_id_index, time)
TTL toDateTime(time) + INTERVAL ${flow_ttl}
SETTINGS ttl_only_drop_parts = 1;

-- Counts are since the device's start, as it gave them; what it does not count is NULL.
CREATE TABLE IF NOT EXISTS ${database}.data_interface_traffic${local} ${on_cluster}
(
    start_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    end_time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    insert_time DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    collector_id LowCardinality(String),
    policy_originator LowCardinality(String),
    policy_level LowCardinality(String),
    policy_scope Array(LowCardinality(String)),
    ext JSON,
    interface_id String,
    interface_ref Nullable(String),
    admin_status LowCardinality(Nullable(String)),
    oper_status LowCardinality(Nullable(String)),
    in_bit_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    in_discard_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    in_error_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    in_bcast_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    in_ucast_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    in_mcast_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    out_bit_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    out_discard_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    out_error_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    out_bcast_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    out_ucast_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    out_mcast_packet_count Nullable(UInt64) CODEC(Delta, ZSTD(1)),
    speed Nullable(UInt64) CODEC(ZSTD(1))  -- bit/s
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toYYYYMMDD(start_time)
ORDER BY (interface_id, policy_level, policy_scope, policy_originator, collector_id, start_time)
TTL start_time + INTERVAL ${traffic_ttl}
SETTINGS ttl_only_drop_parts = 1;

--@ if cluster
CREATE TABLE IF NOT EXISTS ${database}.counter_sample ${on_cluster}
AS ${database}.counter_sample_local
ENGINE = Distributed('${cluster}', '${database}', 'counter_sample_local', rand());

CREATE TABLE IF NOT EXISTS ${database}.data_interface_traffic ${on_cluster}
AS ${database}.data_interface_traffic_local
ENGINE = Distributed('${cluster}', '${database}', 'data_interface_traffic_local', cityHash64(interface_id));
--@ end
