#!/bin/bash
# Collects what the image holds: weir, the libraries it is linked with, certificates, name service.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/rootfs.sh WEIR DIRECTORY
#
# WEIR may be of another machine whose libraries are installed here, as after ARCH=arm64 tests/setup.sh.
# LIBRDKAFKA names another librdkafka.so.1 than the system's, as deploy/docker/librdkafka.sh makes one:
# 2.6.1 or newer speaks SCRAM with Kafka 4. Beside it may be `version` and `copyright`.
set -eu
cd "$(dirname "$0")/../.."
weir=$1
to=$2
umask 022
mkdir -p "$to"/{usr/bin,usr/lib,etc/weir,etc/ssl/certs,var/lib/weir/cache,run/weir,sys/fs/bpf,proc,dev,tmp,app}
ln -sfn usr/lib "$to/lib"
ln -sfn usr/lib "$to/lib64"
ln -sfn usr/bin "$to/bin"
install -m755 "$weir" "$to/usr/bin/weir"

# The directory of its C library is where the libraries of its machine are.
interpreter=$(readelf -l "$weir" | sed -n 's/.*program interpreter: \(.*\)]$/\1/p')
case $interpreter in
*x86-64*) triplet=x86_64-linux-gnu ;;
*aarch64*) triplet=aarch64-linux-gnu ;;
*) printf '%s: not a program for x86-64 or arm64: %s\n' "$0" "$weir" >&2; exit 1 ;;
esac

from() { # LIBRARY: where it is
	local directory
	if [ "$1" = librdkafka.so.1 ] && [ -n "${LIBRDKAFKA:-}" ]; then
		realpath "$LIBRDKAFKA"
		return
	fi
	for directory in /lib/$triplet /usr/lib/$triplet /usr/${triplet}/lib; do
		if [ -e "$directory/$1" ]; then
			echo "$directory/$1"
			return
		fi
	done
	printf '%s: no %s for %s here\n' "$0" "$1" "$triplet" >&2
	exit 1
}

# All in one directory that the loader looks into by itself. What is loaded late: name service.
add() { # LIBRARY
	local library path
	[ ! -e "$to/usr/lib/$1" ] || return 0
	path=$(from "$1")
	install -m755 "$(realpath "$path")" "$to/usr/lib/$1"
	printf '%s\t%s\n' "$1" "$path" >>"$to/usr/lib/.origin"
	for library in $(readelf -d "$path" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'); do
		add "$library"
	done
}
for library in $(readelf -d "$weir" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p') "$(basename "$interpreter")" \
	libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
	add "$library"
done
strip=$(command -v llvm-strip || ls /usr/bin/llvm-strip* 2>/dev/null | head -n 1 || true)
"${strip:-strip}" --strip-unneeded "$to/usr/bin/weir" "$to"/usr/lib/*.so*

install -m644 /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/"
printf 'root:x:0:0::/:/sbin/nologin\nweir:x:65532:65532::/var/lib/weir:/sbin/nologin\n' >"$to/etc/passwd"
printf 'root:x:0:\nweir:x:65532:\n' >"$to/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$to/etc/nsswitch.conf"
cp -r conf.example/. "$to/etc/weir/"
# `weir load` runs as weir and leaves its tables here.
[ "$(id -u)" != 0 ] || chown 65532:65532 "$to/var/lib/weir/cache"

# Whose these are, and on which terms.
deploy/docker/sbom.sh "$to" >"$to/sbom.spdx.json"
rm "$to/usr/lib/.origin"
