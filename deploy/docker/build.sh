#!/bin/bash
# Builds the image with buildah into an OCI directory.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/build.sh BUILD OCI-DIRECTORY[:TAG]
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
deploy/docker/rootfs.sh "$1/weir" "$work/rootfs"
find "$work/rootfs" -exec touch -hd @0 {} +
store=(--root "$work/store" --runroot "$work/run" --storage-driver vfs)
buildah "${store[@]}" build -q --isolation chroot --timestamp 0 --layers=false \
	-f deploy/docker/Containerfile -t weir "$work/rootfs" >/dev/null
buildah "${store[@]}" push -q weir "oci:$2" >/dev/null
