#!/bin/bash
# Holds the flows of `weir replay` against what the records of real captures demand.
# SPDX-License-Identifier: Apache-2.0
# usage: [WEIR=build/weir] [CORPUS=../shared/corpus] tests/corpus/flows.sh [CAPTURE...]
set -u
cd "$(dirname "$0")/../.."
corpus=${CORPUS:-../shared/corpus}

if ! [ -r "$corpus/index.tsv" ]; then
	echo "SKIP flows: no captures at $corpus"
	exit 0
fi
exec python3 tests/corpus/flows.py "${WEIR:-build/weir}" "$corpus" "$@"
