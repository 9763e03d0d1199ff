-- Codecs of data_flow as measured (docs/CLICKHOUSE.md; tests/bench/clickhouse_storage.sh measures).
-- SPDX-License-Identifier: Apache-2.0
--
-- New parts have them, old ones when they are merged. In the order of the table times jump, so that
-- differences of them are no smaller; scaled counts have the sampling rate as common divisor; refs
-- repeat within an AS, which a stronger ZSTD sees.
ALTER TABLE ${database}.data_flow${local} ${on_cluster}
    MODIFY COLUMN start_time CODEC(T64, ZSTD(1)),
    MODIFY COLUMN end_time CODEC(T64, ZSTD(1)),
    MODIFY COLUMN time_received_ns CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN time_flow_start_ns CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN time_flow_end_ns CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN bit_count CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN packet_count CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN sequence_num CODEC(T64, ZSTD(1)),
    MODIFY COLUMN dst_as_id CODEC(T64, ZSTD(1)),
    MODIFY COLUMN in_if CODEC(T64, ZSTD(1)),
    MODIFY COLUMN out_if CODEC(T64, ZSTD(1)),
    MODIFY COLUMN device_ref CODEC(ZSTD(3)),
    MODIFY COLUMN src_as_ref CODEC(ZSTD(3)),
    MODIFY COLUMN dst_as_ref CODEC(ZSTD(3)),
    MODIFY COLUMN src_ip_ref CODEC(ZSTD(3)),
    MODIFY COLUMN dst_ip_ref CODEC(ZSTD(3)),
    MODIFY COLUMN src_organization_ref CODEC(ZSTD(3)),
    MODIFY COLUMN dst_organization_ref CODEC(ZSTD(3)),
    MODIFY COLUMN in_interface_ref CODEC(ZSTD(3)),
    MODIFY COLUMN out_interface_ref CODEC(ZSTD(3)),
    MODIFY COLUMN peer_as_ref CODEC(ZSTD(3)),
    MODIFY COLUMN peer_ip_ref CODEC(ZSTD(3));
