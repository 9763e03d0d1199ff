-- What ingest could not take, and what came twice.
-- SPDX-License-Identifier: Apache-2.0

-- Messages that could not be read, with the engine's reason. They block nothing.
CREATE TABLE IF NOT EXISTS ${database}.ingest_error${local} ${on_cluster}
(
    insert_time DateTime64(3, 'UTC') DEFAULT now64(3),
    topic LowCardinality(String),
    kafka_partition UInt64,
    kafka_offset UInt64,
    batch_id String,
    format LowCardinality(String),
    error String,
    raw_message String CODEC(ZSTD(3))
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(insert_time)
ORDER BY (topic, insert_time)
TTL toDateTime(insert_time) + INTERVAL 30 DAY;

-- Batches that came again and added nothing.
CREATE TABLE IF NOT EXISTS ${database}.ingest_repeat${local} ${on_cluster}
(
    insert_time DateTime64(3, 'UTC') DEFAULT now64(3),
    topic LowCardinality(String),
    kafka_partition UInt64,
    kafka_offset UInt64,
    batch_id String,
    row_count UInt64
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(insert_time)
ORDER BY (topic, insert_time)
TTL toDateTime(insert_time) + INTERVAL 30 DAY;

-- One row for each block that ingest took from one partition: how far it is, and how far behind.
CREATE TABLE IF NOT EXISTS ${database}.ingest_progress${local} ${on_cluster}
(
    insert_time DateTime64(3, 'UTC') DEFAULT now64(3),
    topic LowCardinality(String),
    kafka_partition UInt64,
    last_offset UInt64,
    batch_count UInt64,
    row_count UInt64,
    repeat_count UInt64,
    oldest DateTime64(3, 'UTC'),  -- when the oldest of its messages was sent
    newest DateTime64(3, 'UTC')
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(insert_time)
ORDER BY (topic, kafka_partition, insert_time)
TTL toDateTime(insert_time) + INTERVAL 30 DAY;

--@ if cluster
CREATE TABLE IF NOT EXISTS ${database}.ingest_error ${on_cluster} AS ${database}.ingest_error_local
ENGINE = Distributed('${cluster}', '${database}', 'ingest_error_local', rand());

CREATE TABLE IF NOT EXISTS ${database}.ingest_repeat ${on_cluster}
AS ${database}.ingest_repeat_local
ENGINE = Distributed('${cluster}', '${database}', 'ingest_repeat_local', rand());

CREATE TABLE IF NOT EXISTS ${database}.ingest_progress ${on_cluster}
AS ${database}.ingest_progress_local
ENGINE = Distributed('${cluster}', '${database}', 'ingest_progress_local', rand());
--@ end
