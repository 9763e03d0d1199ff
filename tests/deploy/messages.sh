#!/bin/bash
# Every message that weir can print is explained in docs/TROUBLESHOOTING.md.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
known=$(tests/deploy/messages.py list | wc -l)
expect messages_are_found "$([ "$known" -ge 300 ] && echo many || echo "$known")" '^many$'
missing=$(tests/deploy/messages.py missing docs/TROUBLESHOOTING.md | head -n 20)
expect every_message_is_explained "not there: $missing" '^not there: $'
# The check itself: a page without them lacks them.
sed '/^## What weir says/,/^## What a running agent/d' docs/TROUBLESHOOTING.md >"$scratch/page.md"
expect their_lack_would_be_seen "$([ "$(tests/deploy/messages.py missing "$scratch/page.md" | wc -l)" -gt 150 ] && echo seen)" seen
finish
