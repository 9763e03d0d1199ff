#!/bin/bash
# Builds the librdkafka of Debian 13, which can do SCRAM with Kafka 4; that of Debian 12 cannot.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/librdkafka.sh [amd64|arm64]    prints the directory with librdkafka.so.1; built once
#
# The source comes by apt, which checks its signature. It wants the build group of tests/setup.sh, and
# dpkg-dev, pkg-config, g++ (of the machine).
set -eu
arch=${1:-$(dpkg --print-architecture)}
case $arch in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) printf '%s: amd64 and arm64 are known, not %s\n' "$0" "$arch" >&2; exit 1 ;;
esac
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir
to=$cache/librdkafka-trixie-$arch
mkdir -p "$cache"
exec 8>"$to.lock"
flock 8
if [ ! -e "$to/version" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	mkdir -p "$work/lists/partial"
	# From the mirror that this machine takes its own packages from.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -v security | head -n 1)
	[ -n "$mirror" ] || { printf '%s: apt knows no mirror of Debian; apt-get update\n' "$0" >&2; exit 1; }
	printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie main\n' "$mirror" \
		>"$work/sources.list"
	apt=(apt-get -q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache=)
	(
		cd "$work"
		"${apt[@]}" update
		"${apt[@]}" source librdkafka
		cd librdkafka-*/
		export PKG_CONFIG_LIBDIR=/usr/lib/$triplet/pkgconfig:/usr/share/pkgconfig
		./configure --prefix=/usr --cc=$triplet-gcc --cxx=$triplet-g++ --host=$triplet --disable-gssapi --enable-ssl \
			--enable-zstd --disable-debug-symbols
		nice make -j"$(nproc)" -C src librdkafka.so.1
	) >"$work/log" 2>&1 || { tail -n 15 "$work/log" >&2; exit 1; }
	mkdir -p "$to"
	cp "$work"/librdkafka-*/src/librdkafka.so.1 "$to/"
	cp "$work"/librdkafka-*/LICENSES.txt "$to/copyright"
	basename "$work"/librdkafka_*.dsc .dsc | cut -d_ -f2 >"$to/version"
fi
printf '%s\n' "$to"
