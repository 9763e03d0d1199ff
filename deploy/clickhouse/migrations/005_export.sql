-- What has gone to the bucket, so that each row goes once. Written by `weir load export`.
-- SPDX-License-Identifier: Apache-2.0

-- The steps of each run: open, planned (its batches are in export_batch), done; or abandoned, where
-- it ended before it was planned. The last is that with the greatest `time`.
CREATE TABLE IF NOT EXISTS ${database}.export_run ${on_cluster}
(
    run UInt64,
    state LowCardinality(String),
    time DateTime64(6, 'UTC') DEFAULT now64(6),
    row_count UInt64,
    first_start DateTime64(3, 'UTC'),   -- of the rows' start_time and insert_time
    last_start DateTime64(3, 'UTC'),
    first_insert DateTime64(3, 'UTC'),
    last_insert DateTime64(3, 'UTC')
)
ENGINE = ${replicated}MergeTree${everywhere}
ORDER BY (run, time);

CREATE TABLE IF NOT EXISTS ${database}.export_batch ${on_cluster}
(
    run UInt64 CODEC(Delta, ZSTD(1)),
    batch UInt64,
    day Date,
    insert_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    row_count UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = ${replicated}MergeTree${everywhere}
PARTITION BY toYYYYMM(day)
ORDER BY (batch, day);
