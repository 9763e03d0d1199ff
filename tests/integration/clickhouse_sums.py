"""Sums over weir's JSON flows on standard input, in the form that the tests ask ClickHouse for.
SPDX-License-Identifier: Apache-2.0"""
import json
import sys

# Counter samples stand between the flows.
flows = [f for f in map(json.loads, sys.stdin) if "counters" not in f]
wrap = 1 << 64
print(len(flows),
      sum(f.get("bytes", 0) for f in flows) % wrap,
      sum(f.get("packets", 0) for f in flows) % wrap,
      sum(f.get("bytes", 0) * 8 * max(f.get("sampling_rate", 0), 1) for f in flows) % wrap,
      sum(f.get("src_port", 0) + 3 * f.get("dst_port", 0) for f in flows),
      sum(len(f.get("as_path", [])) + len(f.get("mpls_label", [])) for f in flows),
      len({(f.get("src_addr"), f.get("dst_addr")) for f in flows}), sep="\t")
