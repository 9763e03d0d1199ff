# From Parquet to the dashboard: analytics/README.md.
# SPDX-License-Identifier: Apache-2.0

## make analytics     set up dbt, Evidence and Prefect for analytics/ipfix_pipeline.py
analytics:
	$(Q)analytics/setup.sh

## make test-analytics flows with known totals through the pipeline to a site in MinIO (some minutes)
test-analytics: all analytics
	$(Q)BUILD=$(BUILD) TEST_TIMEOUT=3600 tests/run.sh analytics

.PHONY: analytics test-analytics
