#!/bin/bash
# A flood of random templates from made-up sources keeps within its bounds and hurts nobody else.
# SPDX-License-Identifier: Apache-2.0
set -u
name="10 million templates of 100,000 sources keep within the limits"
if out=$("${BUILD:-build}"/tests/integration/template_flood 10000000 100000 2>&1); then
	echo "ok $name: $out"
else
	echo "FAIL $name: $out"
	exit 1
fi
