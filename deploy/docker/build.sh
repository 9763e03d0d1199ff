#!/bin/bash
# Builds the image with buildah into an OCI directory: the last stage of the Containerfile, with the
# weir of BUILD and the libraries of this machine.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/build.sh BUILD OCI-DIRECTORY[:TAG]
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LIBRDKAFKA=${LIBRDKAFKA-$(deploy/docker/librdkafka.sh)/librdkafka.so.1}
export LIBRDKAFKA
deploy/docker/rootfs.sh "$1/weir" "$work/rootfs"
find "$work/rootfs" -exec touch -hd "@${SOURCE_DATE_EPOCH:-0}" {} +
sed -n '/^FROM scratch$/,$p' deploy/docker/Containerfile |
	sed 's|^COPY --from=build /rootfs /$|COPY . /|' >"$work/Containerfile"
store=(--root "$work/store" --runroot "$work/run" --storage-driver vfs)
buildah "${store[@]}" build -q --isolation chroot --timestamp "${SOURCE_DATE_EPOCH:-0}" --layers=false \
	-f "$work/Containerfile" -t weir "$work/rootfs" >/dev/null
buildah "${store[@]}" push -q weir "oci:$2" >/dev/null
