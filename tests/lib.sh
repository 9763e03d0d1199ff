# Shared by the tests that are scripts: counting, clean-up, network namespaces.
# SPDX-License-Identifier: Apache-2.0
#
#   . "$(dirname "$0")/../lib.sh"
#   isolate "$@"        # root, own mounts with an own BPF file system; else one visible skip
#   ns_pair             # namespaces a and b joined by veth: va 10.9.0.1, fd09::1; vb .2, ::2
#   in_b COMMAND ...    # runs there, with this script's mounts
#   finish              # prints 'N passed, N failed, N skipped'

set -u
script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
BUILD=${BUILD:-build}
WEIR=${WEIR:-$BUILD/weir}
tests_passed=0 tests_failed=0 tests_skipped=0
ns_keepers=()
spawned=
scratch=

pass() { # NAME
	tests_passed=$((tests_passed + 1))
	printf 'ok %s\n' "$1"
}

fail() { # NAME REASON...
	tests_failed=$((tests_failed + 1))
	printf 'FAIL %s: %s\n' "$1" "${*:2}"
}

skip() { # NAME REASON...
	tests_skipped=$((tests_skipped + 1))
	printf 'SKIP %s: %s\n' "$1" "${*:2}"
}

# Passes where the text holds each of the extended regular expressions.
expect() { # NAME TEXT REGEX...
	local name=$1 text=$2 regex
	shift 2
	for regex in "$@"; do
		if ! grep -Eq -- "$regex" <<<"$text"; then
			fail "$name" "no '$regex' in: $text"
			return 1
		fi
	done
	pass "$name"
}

finish() {
	printf '%d passed, %d failed, %d skipped\n' $tests_passed $tests_failed $tests_skipped
	[ $tests_failed = 0 ]
	exit
}

cleanup() {
	local job
	{ # the shell says of each job that it was killed
		for job in $(jobs -p) "${ns_keepers[@]}"; do
			kill -KILL "$job"
		done
		wait
	} 2>/dev/null
	[ -z "$scratch" ] || rm -rf "$scratch"
}

# Runs the script again in a mount namespace of its own: what it pins and mounts goes with it.
isolate() {
	if [ -z "${WEIR_TEST_ISOLATED:-}" ]; then
		if [ "$(id -u)" != 0 ]; then
			skip "$(basename "$script" .sh)" "needs root for network namespaces and BPF"
			finish
		fi
		if ! unshare --mount --net true 2>/dev/null; then
			skip "$(basename "$script" .sh)" "namespaces cannot be made here"
			finish
		fi
		WEIR_TEST_ISOLATED=1 exec unshare --mount --propagation private -- "$script" "$@"
	fi
	trap cleanup EXIT
	trap 'exit 1' INT TERM
	scratch=$(mktemp -d)
	mount -t bpf bpf /sys/fs/bpf 2>/dev/null || true
}

# A namespace lives as long as a process in it, and that no longer than this script.
ns_make() { # VARIABLE for the process id
	unshare --net setpriv --pdeathsig KILL sleep infinity &
	local keeper=$!
	disown $keeper # no word about its end
	while [ "$(readlink /proc/$keeper/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do
		kill -0 $keeper 2>/dev/null || return 1
		sleep 0.01
	done
	printf -v "$1" %s $keeper
	ns_keepers+=("$keeper")
}

in_ns() { # PROCESS COMMAND...
	nsenter --net=/proc/"$1"/ns/net -- "${@:2}"
}
# In the background; ends with the script at the latest.
spawn() { # PROCESS COMMAND...: sets $spawned to its process id
	nsenter --net=/proc/"$1"/ns/net -- "${@:2}" </dev/null &
	spawned=$!
}
in_a() { in_ns "$ns_a" "$@"; }
in_b() { in_ns "$ns_b" "$@"; }

# Two new namespaces and a veth pair between them; the old ones, if any, end.
ns_pair() { # [QUEUES [MTU]]
	local queues=${1:-1} mtu=${2:-1500} keeper
	for keeper in "${ns_keepers[@]}"; do
		kill -KILL "$keeper" 2>/dev/null
	done
	ns_keepers=()
	ns_make ns_a && ns_make ns_b || return 1
	in_a ip link add va mtu "$mtu" numtxqueues "$queues" numrxqueues 1 type veth \
		peer name vb mtu "$mtu" numtxqueues 1 numrxqueues "$queues" || return 1
	in_a ip link set vb netns "$ns_b"
	ns_end a va 1
	ns_end b vb 2
}

ns_end() { # a|b INTERFACE NUMBER
	"in_$1" ip link set lo up
	"in_$1" ip addr add "10.9.0.$3/24" dev "$2"
	"in_$1" ip addr add "fd09::$3/64" dev "$2" nodad
	"in_$1" ip link set "$2" up
}

# Waits until COMMAND succeeds.
await() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# The counter of a reason, or of all datagrams, as `weir xdp status` and bpftool would read them.
xdp_reason() { # PIN_PATH REASON
	"$WEIR" xdp status --pin-path "$1" | awk -v reason="$2" '$1 == reason { print $2; exit }'
}
