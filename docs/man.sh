#!/bin/bash
# Prints the manual page: docs/weir.1.in with what each command says of itself.
# SPDX-License-Identifier: Apache-2.0
# usage: docs/man.sh WEIR
set -eu
weir=$1

commands() {
	"$weir" --help | awk '/^  [a-z]/ { print $1 }' | while read -r command; do
		printf '.SS weir %s\n.nf\n' "$command"
		"$weir" "$command" --help | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/" \
			-e 's/`/\\(ga/g'
		printf '.fi\n'
	done
}

version=$("$weir" --version)
sed "s/weir VERSION/$version/" "$(dirname "$0")/weir.1.in" | while IFS= read -r line; do
	if [ "$line" = @COMMANDS@ ]; then
		commands
	else
		printf '%s\n' "$line"
	fi
done
