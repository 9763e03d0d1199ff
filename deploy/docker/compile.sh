#!/bin/bash
# Compiles weir for a machine, within the first stage of the Containerfile, and collects the image.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/compile.sh amd64|arm64 DIRECTORY
set -eu
cd "$(dirname "$0")/../.."
arch=${1:-$(dpkg --print-architecture)}
make -j"$(nproc)" ARCH="$arch" BUILD="build-$arch" "build-$arch/weir"
LIBRDKAFKA=$(deploy/docker/librdkafka.sh "$arch")/librdkafka.so.1
export LIBRDKAFKA
deploy/docker/rootfs.sh "build-$arch/weir" "$2"
find "$2" -exec touch -hd "@${SOURCE_DATE_EPOCH:-0}" {} +
