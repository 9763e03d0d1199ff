-- Parquet by ClickHouse itself, without `weir load export`: a refreshable view, where it is wanted.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${database}.flow_parquet_mv
--
-- CLICKHOUSE_EXPORT_REFRESH (as in 5 MINUTE) asks for it; use it or `weir load export`, not both.
-- The flows that were stored within an interval, by insert_time, make an object for each hour of their
-- start times. Its name follows from the two, a store has it whole or not at all, and what is there is
-- not written again: so each row goes out once, also where a refresh was cut short. An interval is
-- taken when it has been closed for a minute; one that was missed, for up to a day, with the next.
-- Not in a cluster, whose nodes would refresh each for itself.
--@ if export_refresh
--@ if cluster
--@ else

--@ set parquet_interval
toStartOfInterval(toDateTime(insert_time, 'UTC'), INTERVAL ${export_refresh})
--@ end
--@ set parquet_hour
concat('date=', toString(toDate(start_time)), '/hour=', leftPad(toString(toHour(start_time)), 2, '0'), '/weir-')
--@ end
DROP VIEW IF EXISTS ${database}.flow_parquet_mv;
DROP TABLE IF EXISTS ${database}.flow_parquet;

-- The columns of flow_export, and the interval that names the object.
CREATE TABLE ${database}.flow_parquet
ENGINE = S3('${export_url}{_partition_id}.parquet', ${export_login}'Parquet')
PARTITION BY concat(${parquet_hour}, toString(toUnixTimestamp(export_interval)))
SETTINGS output_format_parquet_compression_method = 'zstd', output_format_parquet_string_as_string = 1
EMPTY AS SELECT * EXCEPT (insert_time, batch), ${parquet_interval} AS export_interval
FROM ${database}.flow_export;

CREATE MATERIALIZED VIEW ${database}.flow_parquet_mv
REFRESH EVERY ${export_refresh} OFFSET 1 MINUTE APPEND TO ${database}.flow_parquet AS
SELECT * EXCEPT (insert_time, batch), ${parquet_interval} AS export_interval
FROM ${database}.flow_export
WHERE insert_time >= now() - INTERVAL 1 DAY
    AND start_time >= now() - INTERVAL 9 DAY
    AND export_interval + INTERVAL ${export_refresh} <= now() - INTERVAL 1 MINUTE
    AND concat(${parquet_hour}, toString(toUnixTimestamp(export_interval)), '.parquet') NOT IN
    (
        SELECT extract(_path, 'date=.*')
        FROM s3('${export_url}date=*/hour=*/weir-*.parquet', ${export_login}'One')
        WHERE _path LIKE '%.parquet'
    )
SETTINGS max_partitions_per_insert_block = 0, max_insert_threads = 1;
--@ end
--@ end
