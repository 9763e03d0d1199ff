#!/bin/bash
# Installs what building, testing and the demo need and this machine lacks (Debian and its kin).
# SPDX-License-Identifier: Apache-2.0
# usage: tests/setup.sh [build] [test] [demo] [image] [oci] [debootstrap] [chart] [k8s] [analytics] [bench]    no argument: the first three
#
# ARCH=arm64 tests/setup.sh build: what compiling for another machine needs here (make ARCH=aarch64).
set -eu

# What compiles weir: compilers, the BPF tools, the libraries it is linked with.
build='make gcc libc6-dev clang clang-format llvm bpftool libbpf-dev libxdp-dev libelf-dev zlib1g-dev
	librdkafka-dev libmaxminddb-dev libyaml-dev libmicrohttpd-dev libjansson-dev
	libcurl4-openssl-dev libssl-dev liburcu-dev libcap-ng-dev libseccomp-dev libpcap-dev libzstd-dev
	liblz4-dev libpcre2-dev'
# Network namespaces, the exporters that the demo runs, and traffic for them to watch.
demo='python3 iproute2 iputils-ping util-linux procps ethtool softflowd pmacct tcpdump jq'
# More exporters, other collectors to compare with, a Kafka client, the test libraries.
test="$demo libcmocka-dev libclang-rt-dev openvswitch-switch nfdump tshark kcat python3-venv mmdb-bin curl openssl protobuf-compiler libfaketime zstd runc docker-compose zsh tmux
	valgrind binutils systemd"
# What the image is collected by; packing it, and running it.
image='ca-certificates binutils jq dpkg-dev pkg-config g++'
oci="$image buildah umoci runc python3-venv"
debootstrap='debootstrap'
# The chart and its alerts, beside what deploy/helm/tools.sh builds; a real API server for it.
chart='prometheus python3 python3-yaml python3-venv jq'
k8s="$chart etcd-server openssl"
# The dashboard: a browser to look at it, the copying to buckets. Node.js 20 is not in Debian 12 and is
# looked for by analytics/setup.sh.
analytics='chromium fonts-dejavu-core rclone python3-venv curl'
# Other collectors to measure beside.
bench="$test"

if [ -t 2 ]; then
	say() { printf '  SETUP   %s\n' "$*" >&2; }
else
	say() { printf 'setup: %s\n' "$*" >&2; }
fi
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

wanted=
for group in "${@:-all}"; do
	case $group in
	build | test | demo | image | oci | debootstrap | chart | k8s | analytics | bench) wanted="$wanted ${!group}" ;;
	all) wanted="$build $test $demo" ;;
	*) die "unknown group '$group': build, test, demo, image, oci, debootstrap, chart, k8s, analytics and bench are known" ;;
	esac
done
# Libraries of the other machine, the tools of this one.
native=$(dpkg --print-architecture 2>/dev/null || true)
if [ -n "${ARCH:-}" ] && [ "$ARCH" != "$native" ]; then
	[ "$ARCH" = arm64 ] || die "ARCH=$ARCH: arm64 is known"
	wanted=$(printf '%s\n' $wanted | sed "s/^\(lib.*-dev\)\$/\1:$ARCH/")
	wanted="$wanted libc6-dev gcc-aarch64-linux-gnu g++-aarch64-linux-gnu llvm"
fi
wanted=$(printf '%s\n' $wanted | sort -u)

# A real broker for the tests runs on Java and comes through Maven; any Java 17 or later will do.
programs=
case " ${*:-test} " in
*' test '*)
	command -v java >/dev/null || programs="$programs default-jre-headless"
	command -v mvn >/dev/null || programs="$programs maven"
	;;
esac

command -v dpkg-query >/dev/null ||
	die "this is not Debian or one of its kin; install by hand: $(echo $wanted)"
have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n${db:Status-Status} ${Package}:${Architecture}\n' $wanted 2>/dev/null |
	sed -n 's/^installed //p' | sort -u) || true
missing=$(comm -23 <(printf '%s\n' $wanted) <(printf '%s\n' $have))
missing=$(echo $missing $programs)
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || die "not root; run as root: apt-get install $missing"
command -v apt-get >/dev/null || die "no apt-get here; install by hand: $missing"

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
cleanup() {
	rm -f "$log"
	[ -z "${made_policy:-}" ] || rm -f "$policy"
}
trap cleanup EXIT

# The exporters are started by the tests that use them, never as services of this machine.
if [ ! -e $policy ]; then
	made_policy=1
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi

run() { # WHAT COMMAND...: quiet, but for its log when it fails
	local what=$1
	shift
	say "$what"
	"$@" >"$log" 2>&1 </dev/null && return
	tail -n 20 "$log" >&2
	die "$what failed: $*"
}

export DEBIAN_FRONTEND=noninteractive
[ -z "${ARCH:-}" ] || dpkg --print-foreign-architectures | grep -qx "$ARCH" || [ "$ARCH" = "$native" ] ||
	run "packages of $ARCH" dpkg --add-architecture "$ARCH"
run 'package lists' apt-get -q update
run "$(echo $missing | wc -w) packages: $missing" \
	apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing
say done
