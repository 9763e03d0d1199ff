-- Counter samples from Kafka: CounterSample of proto/flow.proto.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${ingest}.counter_protobuf
--@ if kafka_brokers
--@ if counter_topic

DROP VIEW IF EXISTS ${ingest}.counter_protobuf_mv ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.counter_protobuf ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.counter_data_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.counter_error_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.counter_traffic_mv ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.counter_in ${on_cluster};

CREATE TABLE ${ingest}.counter_in ${on_cluster}
(
    time DateTime64(3, 'UTC'),
    collector_id LowCardinality(String),
    sampler_address IPv6,
    sub_agent_id UInt32,
    source_id_type UInt8,
    source_id_index UInt32,
    sequence_num UInt32,
    numbers Map(LowCardinality(String), UInt64),
    negatives Map(LowCardinality(String), Int64),
    fractions Map(LowCardinality(String), Float64),
    texts Map(LowCardinality(String), String),
    opaques Map(LowCardinality(String), String),
    topic LowCardinality(String),
    kafka_partition UInt64,
    kafka_offset UInt64,
    batch_id LowCardinality(String),
    batch UInt64 DEFAULT cityHash64(topic, batch_id),
    error String,
    raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW ${ingest}.counter_error_mv ${on_cluster}
TO ${database}.ingest_error${local} AS
SELECT topic, kafka_partition, kafka_offset, batch_id, 'counter' AS format, error, raw_message
FROM ${ingest}.counter_in
WHERE error != '';

-- What came twice is left out, as with flows.
--@ set block
${ingest}.counter_in
--@ end
CREATE MATERIALIZED VIEW ${ingest}.counter_data_mv ${on_cluster}
TO ${database}.counter_sample${local} AS
SELECT time, collector_id, sampler_address, sub_agent_id, source_id_type, source_id_index,
    sequence_num, numbers, negatives, fractions, texts, opaques, batch
FROM ${ingest}.counter_in
WHERE error = ''
    AND (batch, toDate(time)) NOT IN
    (
        SELECT batch, toDate(time)
        FROM ${database}.counter_sample
        WHERE batch ${global} IN (SELECT batch FROM ${ingest}.counter_in)
        GROUP BY batch, toDate(time)
    )
    AND (batch, kafka_partition, kafka_offset) NOT IN
    (
        ${later_in_block}
    );

-- The interface counters of a sample (RFC 2863); the table replaces what comes twice.
CREATE MATERIALIZED VIEW ${ingest}.counter_traffic_mv ${on_cluster}
TO ${database}.data_interface_traffic${local} AS
WITH
    replaceRegexpOne(IPv6NumToString(sampler_address), '^::ffff:', '') AS exporter,
    if(mapContains(numbers, 'ifIndex'), toUInt32(numbers['ifIndex']), source_id_index) AS flow_index,
    dictGetOrNull('${database}.meta_interface_dict', ('id', 'ref'), (exporter, flow_index)) AS known,
    (name) -> if(mapContains(numbers, name), numbers[name], NULL) AS number
SELECT
    toDateTime(time, 'UTC') AS start_time,
    start_time AS end_time,
    collector_id,
    '${policy_originator}' AS policy_originator,
    '${policy_level}' AS policy_level,
    ${policy_scope} AS policy_scope,
    ifNull(nullIf(known.1, ''), concat(exporter, '::', toString(flow_index))) AS interface_id,
    nullIf(known.2, '') AS interface_ref,
    if(bitTest(assumeNotNull(number('ifStatus')), 0), 'up', 'down') AS admin_status,
    if(bitTest(assumeNotNull(number('ifStatus')), 1), 'up', 'down') AS oper_status,
    number('ifInOctets') * 8 AS in_bit_count,
    number('ifInDiscards') AS in_discard_packet_count,
    number('ifInErrors') AS in_error_packet_count,
    number('ifInBroadcastPkts') AS in_bcast_packet_count,
    number('ifInUcastPkts') AS in_ucast_packet_count,
    number('ifInMulticastPkts') AS in_mcast_packet_count,
    number('ifOutOctets') * 8 AS out_bit_count,
    number('ifOutDiscards') AS out_discard_packet_count,
    number('ifOutErrors') AS out_error_packet_count,
    number('ifOutBroadcastPkts') AS out_bcast_packet_count,
    number('ifOutUcastPkts') AS out_ucast_packet_count,
    number('ifOutMulticastPkts') AS out_mcast_packet_count,
    number('ifSpeed') AS speed
FROM ${ingest}.counter_in
WHERE error = '' AND mapContains(numbers, 'ifInOctets') AND mapContains(numbers, 'ifStatus');

CREATE TABLE ${ingest}.counter_protobuf ${on_cluster}
(
    sequence_num UInt32,
    sampler_address String,
    time_received_ns UInt64,
    collector_id LowCardinality(String),
    sub_agent_id UInt32,
    source_id_type UInt32,
    source_id_index UInt32,
    counters Nested
    (
        name LowCardinality(String),
        unsigned_value UInt64,
        signed_value Int64,
        text String,
        double_value Float64,
        opaque String
    )
)
ENGINE = Kafka
SETTINGS
    ${kafka_settings},
    kafka_topic_list = '${counter_topic}',
    kafka_group_name = '${kafka_group}',
    kafka_format = 'Protobuf',
    ${counter_schema};

CREATE MATERIALIZED VIEW ${ingest}.counter_protobuf_mv ${on_cluster} TO ${ingest}.counter_in AS
WITH
    '\0\0\0\0\0\0\0\0\0\0\xff\xff' AS mapped,
    (values, kept) -> mapFromArrays(arrayFilter((n, k) -> k, counters.name, kept), arrayFilter((v, k) -> k, values, kept)) AS those,
    arrayMap(s -> s != 0, counters.signed_value) AS negative,
    arrayMap(d -> d != 0, counters.double_value) AS fraction,
    arrayMap(t -> t != '', counters.text) AS text,
    arrayMap(o -> o != '', counters.opaque) AS opaque
SELECT
    fromUnixTimestamp64Nano(toInt64(least(time_received_ns, 4102444800000000000)), 'UTC') AS time,
    collector_id,
    CAST(toFixedString(if(length(sampler_address) = 4, concat(mapped, sampler_address),
        if(length(sampler_address) = 16, sampler_address, '')), 16) AS IPv6) AS sampler_address,
    sub_agent_id, source_id_type, source_id_index, sequence_num,
    those(counters.unsigned_value, arrayMap((a, b, c, d) -> NOT (a OR b OR c OR d), negative, fraction, text, opaque)) AS numbers,
    those(counters.signed_value, negative) AS negatives,
    those(counters.double_value, fraction) AS fractions,
    those(counters.text, text) AS texts,
    those(arrayMap(o -> lower(hex(o)), counters.opaque), opaque) AS opaques,
    _topic AS topic,
    _partition AS kafka_partition,
    _offset AS kafka_offset,
    ${kafka_batch_id} AS batch_id,
    _error AS error,
    _raw_message AS raw_message
FROM ${ingest}.counter_protobuf;
--@ end
--@ end
