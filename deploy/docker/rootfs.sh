#!/bin/bash
# Collects what the image holds: weir, the libraries it is linked with, certificates, name service.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/rootfs.sh WEIR DIRECTORY
#
# LIBRDKAFKA names another librdkafka.so.1 than the system's: 2.6.1 or newer speaks SCRAM with Kafka 4.
set -eu
weir=$1
to=$2
umask 022
mkdir -p "$to"/{usr/bin,usr/lib,etc/weir,etc/ssl/certs,var/lib/weir,run/weir,sys/fs/bpf,proc,dev,tmp}
ln -sfn usr/lib "$to/lib"
ln -sfn usr/lib "$to/lib64"
ln -sfn usr/bin "$to/bin"
install -m755 "$weir" "$to/usr/bin/weir"
strip "$to/usr/bin/weir"

# All in one directory, which the loader is told of; what is loaded late (name service) beside them.
{
	ldd "$weir" | awk '$2 == "=>" { print $3 } $1 ~ /ld-linux/ { print $1 }'
	# In the C library's own directory: others hold those of other machines.
	libc=$(ldd "$weir" | awk '/libc\.so\.6/ { print $3 }')
	ls "$(dirname "$libc")"/lib{nss_dns,nss_files,resolv}.so.2
} | sort -u | while read -r library; do
	install -m755 "$(realpath "$library")" "$to/usr/lib/$(basename "$library")"
done
if [ -n "${LIBRDKAFKA:-}" ]; then
	install -m755 "$(realpath "$LIBRDKAFKA")" "$to/usr/lib/librdkafka.so.1"
fi
strip --strip-unneeded "$to"/usr/lib/*.so* 2>/dev/null || true
echo /usr/lib >"$to/etc/ld.so.conf"
ldconfig -r "$to"
rm -rf "$to/var/cache/ldconfig"

install -m644 /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/" 2>/dev/null || true
printf 'root:x:0:0::/:/sbin/nologin\nweir:x:65532:65532::/var/lib/weir:/sbin/nologin\n' >"$to/etc/passwd"
printf 'root:x:0:\nweir:x:65532:\n' >"$to/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$to/etc/nsswitch.conf"
cp -r conf.example/. "$to/etc/weir/"

# What is in it, and from which packages.
{
	printf 'weir %s\n' "$(cat VERSION)"
	for library in "$to"/usr/lib/*.so*; do
		[ -f "$library" ] || continue
		package=$(dpkg-query -S "*/$(basename "$library")" 2>/dev/null | head -n 1 | cut -d: -f1)
		printf '%s %s %s\n' "$(basename "$library")" "${package:-local}" \
			"$(dpkg-query -W -f '${Version}' "${package:-none}" 2>/dev/null | head -n 1)"
	done
} >"$to/etc/weir/sbom.txt"
