# From Parquet to the dashboard: analytics/README.md.
# SPDX-License-Identifier: Apache-2.0

## make analytics     set up dbt, Evidence and Prefect for analytics/ipfix_pipeline.py
analytics:
	$(Q)analytics/setup.sh

## make demo-analytics demo-pipeline, and the dashboard of its flows, twice (root)
demo-analytics: analytics
	$(Q)DEMO_ANALYTICS=1 $(MAKE) demo-pipeline

## make test-analytics flows with known totals through the pipeline to a site in MinIO (some minutes)
test-analytics: all
	$(Q)analytics/setup.sh || echo "tests that need what is missing are skipped"
	$(Q)BUILD=$(BUILD) TEST_TIMEOUT=3600 tests/run.sh analytics

.PHONY: analytics demo-analytics test-analytics
