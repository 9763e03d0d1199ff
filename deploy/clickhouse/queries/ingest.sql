-- Is everything coming in? Lag, repeats and errors of the last day, for each topic.
-- parameters: none
-- SPDX-License-Identifier: Apache-2.0
SELECT
    topic,
    sum(flows) AS flows,
    sum(repeated_flows) AS repeated,
    any(errors.n) AS broken_messages,
    max(last_lag) AS lag_seconds,
    max(worst_lag) AS worst_lag_seconds,
    min(silent_for) AS silent_seconds
FROM ingest_lag
LEFT JOIN
(
    SELECT topic, count() AS n
    FROM ingest_error
    WHERE insert_time > now() - INTERVAL 1 DAY
    GROUP BY topic
) AS errors USING (topic)
GROUP BY topic
ORDER BY topic
