#!/bin/bash
# Holds `weir decode` against captures of real exporters with known contents.
# SPDX-License-Identifier: Apache-2.0
# usage: [WEIR=build/weir] [CORPUS=../shared/corpus] tests/corpus/compare.sh
set -u
cd "$(dirname "$0")/../.."
weir=${WEIR:-build/weir}
corpus=${CORPUS:-../shared/corpus}
compare=$corpus/../tools/compare_decode.py

if ! [ -r "$corpus/index.tsv" ] || ! [ -r "$compare" ]; then
	echo "SKIP compare: no captures at $corpus"
	exit 0
fi
# --all: malformed and edited captures, too; where their outcome is policy, ours is the corpus's.
python3 "$compare" "$weir" "$corpus" --all | tee /dev/stderr |
	awk '/^[0-9]+ passed, [0-9]+ failed$/ { n = $1 + $3; print $0 ", 0 skipped" }
	     END { if (!n) print "0 passed, 1 failed, 0 skipped" }'
exit "${PIPESTATUS[0]}"
