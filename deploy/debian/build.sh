#!/bin/bash
# Makes the Debian package out of what `make install` installs.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/debian/build.sh BUILD VERSION    leaves BUILD/weir_VERSION_ARCH.deb
set -eu
cd "$(dirname "$0")/../.."
build=$1
version=$2-1
arch=$(dpkg --print-architecture)
maintainer=${DEB_MAINTAINER:-weir developers <${DEBEMAIL:-$(git log -1 --format=%ce 2>/dev/null)}>}
# The same tree gives the same package.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
umask 022

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tree=$root/debian/weir
doc=$tree/usr/share/doc/weir

make -s BUILD="$build" DESTDIR="$tree" PREFIX=/usr install
strip --remove-section=.comment --remove-section=.note "$tree/usr/bin/weir"
gzip -9n "$tree/usr/share/man/man1/weir.1"

# Where Debian has these.
mkdir -p "$tree/lib" "$doc"
mv "$tree/usr/lib/systemd" "$tree/lib/"
mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
mv "$tree/usr/share/weir/conf.example" "$doc/examples"
cp README.md "$doc/"
cp docs/*.md "$doc/"
rm -f "$doc/CHANGELOG.md"
gzip -9nc docs/CHANGELOG.md >"$doc/changelog.gz"

# The settings: the example, but flows go to files that are rotated, not to the journal; and systemd
# starts the agent again when it asks for that.
install -d -m 755 "$tree/etc/weir/certificates" "$tree/etc/weir/envs"
sed -e 's|^    path: "-"$|    path: /var/lib/weir/flows.json|' \
	-e 's|^    rotate_size: 0$|    rotate_size: 1G|' -e 's|^    keep: 0$|    keep: 24|' \
	-e 's|^  when_back: stay$|  when_back: exit|' \
	"$doc/examples/weir.yaml" >"$tree/etc/weir/weir.yaml"
install -m 640 "$doc/examples/envs/base.env" "$tree/etc/weir/envs/base.env"
install -m 644 "$doc/examples/certificates/README.md" "$tree/etc/weir/certificates/README.md"
"$build/weir" check --quiet -c "$tree/etc/weir/weir.yaml"

cat >"$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: weir

Files: *
Copyright: weir developers
License: Apache-2.0
 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.

Files: bpf/*
Copyright: weir developers
License: GPL-2.0-only or BSD-2-Clause
 On Debian systems the full text of the GPL is in /usr/share/common-licenses/GPL-2.
 .
$(sed -e 's/^$/./' -e 's/^/ /' docs/licenses/BSD-2-Clause.txt)
END

gzip -9nc >"$doc/changelog.Debian.gz" <<END
weir ($version) unstable; urgency=medium

  * Version $2; see changelog.gz for what is new.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

install -Dm644 deploy/debian/lintian-overrides "$tree/usr/share/lintian/overrides/weir"

# What the program is linked with.
mkdir -p "$tree/DEBIAN"
printf 'Source: weir\nPackage: weir\nArchitecture: any\n' >"$root/debian/control"
depends=$(cd "$root" && dpkg-shlibdeps -O "$tree/usr/bin/weir" 2>/dev/null |
	sed -n 's/^shlibs:Depends=//p')

cat >"$tree/DEBIAN/control" <<END
Package: weir
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -k -s --exclude=DEBIAN "$tree" | cut -f1)
Depends: $depends, systemd | systemd-sysusers
Suggests: bpftool, kafkacat
Section: net
Priority: optional
Description: flow collector: NetFlow, IPFIX and sFlow through XDP
 Takes NetFlow v5, NetFlow v9, IPFIX and sFlow v5 datagrams of routers and
 switches in through an XDP program and AF_XDP sockets, one worker for each
 receive queue, and counts them by exporter in the kernel. Flows are decoded,
 batched and sent to Kafka, with a spool on disk for when no broker answers,
 or written to files.
 .
 Every datagram and every record ends in exactly one counter; "weir audit"
 says whether the accounts close.
END

(cd "$tree" && find etc -type f | sort | sed 's|^|/|') >"$tree/DEBIAN/conffiles"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z |
	xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
for script in postinst prerm postrm; do
	install -m 755 "deploy/debian/$script" "$tree/DEBIAN/$script"
done

find "$tree" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz -b "$tree" "$build/weir_${version}_$arch.deb" >/dev/null
printf '%s\n' "$build/weir_${version}_$arch.deb"
