#!/bin/bash
# Builds the whole Containerfile, both stages, without a registry: on a Debian that debootstrap makes.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/bud.sh OCI-DIRECTORY[:TAG]    root; 5 minutes, 2 GB of disk meanwhile
#
# The base has this machine's own sources of packages, and its settings of apt.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/var/tmp}/weir-bud-XXXXXX")
trap 'rm -rf "$work"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -v security | head -n 1)
[ -n "$mirror" ] || { printf '%s: apt knows no mirror of Debian; apt-get update\n' "$0" >&2; exit 1; }
nice debootstrap --variant=minbase bookworm "$work/base" "$mirror" >"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; exit 1; }
rm -f "$work/base/etc/apt/sources.list"
cp -r /etc/apt/sources.list* "$work/base/etc/apt/"
for settings in /etc/apt/apt.conf.d/*; do
	[ -e "$work/base$settings" ] || cp "$settings" "$work/base$settings"
done
buildah=(buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs)
container=$("${buildah[@]}" from scratch)
"${buildah[@]}" add -q "$container" "$work/base" / >/dev/null
"${buildah[@]}" commit -q "$container" localhost/debian:base >/dev/null
"${buildah[@]}" rm "$container" >/dev/null
rm -rf "$work/base"
git ls-files -z | tar --null -T - -cf - | { mkdir "$work/tree" && tar -xf - -C "$work/tree"; }
nice "${buildah[@]}" build --isolation chroot --timestamp "${SOURCE_DATE_EPOCH:-0}" --layers=false \
	--build-arg DEBIAN=localhost/debian:base --platform "linux/$(dpkg --print-architecture)" \
	-f "$work/tree/deploy/docker/Containerfile" -t weir "$work/tree"
"${buildah[@]}" push -q weir "oci:$1" >/dev/null
