# Starting real exporters inside a network namespace: sourced by tests, by the demo and by
# tests/captures/make.sh.
# SPDX-License-Identifier: Apache-2.0
#
# Each exporter_* function starts one exporter in namespace $1 (its path or the id of a process in
# it) that watches interface $2 and sends to $3 (address:port). exporters_stop ends them all, which
# makes them send what they still hold. The caller sets EXPORTERS to an empty directory for their
# files and calls exporters_stop when it ends.

exporter_pids=()
exporter_stubborn=() # of these

exporter_ns() { # NS: as nsenter takes it
	case $1 in
	/*) echo "$1" ;;
	*) echo "/proc/$1/ns/net" ;;
	esac
}

exporter_start() { # NS LOG COMMAND...
	local ns log=$2
	ns=$(exporter_ns "$1")
	shift 2
	nsenter --net="$ns" "$@" >"$EXPORTERS/$log" 2>&1 </dev/null &
	exporter_pids+=($!)
}

exporter_softflowd() { # NS INTERFACE ADDRESS:PORT VERSION [OPTION...]; VERSION 5, 9 or 10 (IPFIX)
	local ns=$1 interface=$2 to=$3 version=$4 name=softflowd${#exporter_pids[@]}
	shift 4
	exporter_start "$ns" "$name.log" softflowd -d -i "$interface" -n "$to" -v "$version" \
		-p "$EXPORTERS/$name.pid" -c "$EXPORTERS/$name.ctl" \
		-t maxlife=10 -t expint=2 -t general=4 -t udp=4 -t icmp=4 -t tcp=6 -t tcp.fin=2 "$@"
}

exporter_pmacct() { # NS INTERFACE NAME LINE...: pmacctd with these lines of configuration
	local ns=$1 interface=$2 name=$3
	shift 3
	{
		printf '%s\n' 'daemonize: false' "pcap_interface: $interface" \
			"pidfile: $EXPORTERS/$name.pid" 'snaplen: 256' "$@"
	} >"$EXPORTERS/$name.conf"
	exporter_start "$ns" "$name.log" pmacctd -f "$EXPORTERS/$name.conf"
}

exporter_nfprobe() { # NS INTERFACE ADDRESS:PORT VERSION [LINE...]; VERSION 5, 9 or 10 (IPFIX)
	local ns=$1 interface=$2 to=$3 version=$4
	shift 4
	exporter_pmacct "$ns" "$interface" "nfprobe$version-${#exporter_pids[@]}" \
		'plugins: nfprobe' "nfprobe_receiver: $to" "nfprobe_version: $version" \
		'nfprobe_timeouts: tcp=6:tcp.rst=2:tcp.fin=2:udp=4:icmp=4:general=4:maxlife=10:expint=2' \
		'nfprobe_maxflows: 4096' "$@"
}

exporter_sfprobe() { # NS INTERFACE ADDRESS:PORT RATE [LINE...]: one packet in RATE
	local ns=$1 interface=$2 to=$3 rate=$4
	shift 4
	exporter_pmacct "$ns" "$interface" "sfprobe-${#exporter_pids[@]}" \
		'plugins: sfprobe' "sfprobe_receiver: $to" "sampling_rate: $rate" "$@"
	exporter_stubborn+=("${exporter_pids[-1]}")
}

ovs_ns=

ovs_vsctl() {
	ovs-vsctl --timeout=20 --db="unix:$EXPORTERS/ovs/db.sock" "$@"
}

# A userspace Open vSwitch in namespace $1 with bridge br0 over interfaces $2 and $3.
ovs_start() {
	local dir=$EXPORTERS/ovs
	ovs_ns=$1
	mkdir -p "$dir"
	ovsdb-tool create "$dir/conf.db" /usr/share/openvswitch/vswitch.ovsschema
	OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir OVS_SYSCONFDIR=$dir \
		ovsdb-server "$dir/conf.db" --remote="punix:$dir/db.sock" --unixctl="$dir/db.ctl" \
		--pidfile="$dir/db.pid" --log-file="$dir/db.log" --detach --no-chdir 2>/dev/null
	ovs_vsctl --no-wait init
	OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir OVS_SYSCONFDIR=$dir \
		nsenter --net="$(exporter_ns "$ovs_ns")" ovs-vswitchd "unix:$dir/db.sock" \
		--unixctl="$dir/vswitchd.ctl" --pidfile="$dir/vswitchd.pid" \
		--log-file="$dir/vswitchd.log" --detach --no-chdir 2>/dev/null
	ovs_vsctl add-br br0 -- set bridge br0 datapath_type=netdev fail-mode=standalone \
		-- add-port br0 "$2" -- add-port br0 "$3"
}

ovs_sflow() { # ADDRESS:PORT RATE AGENT-INTERFACE
	ovs_vsctl -- --id=@s create sflow "agent=$3" "target=\"$1\"" header=128 "sampling=$2" \
		polling=5 -- set bridge br0 sflow=@s >/dev/null
}

ovs_netflow() { # ADDRESS:PORT
	ovs_vsctl -- --id=@n create netflow "targets=\"$1\"" active_timeout=4 engine_type=2 \
		engine_id=9 -- set bridge br0 netflow=@n >/dev/null
}

ovs_ipfix() { # ADDRESS:PORT RATE
	ovs_vsctl -- --id=@i create ipfix "targets=\"$1\"" "sampling=$2" obs_domain_id=123 \
		obs_point_id=456 cache_active_timeout=4 cache_max_flows=100 \
		-- set bridge br0 ipfix=@i >/dev/null
}

# Ends what was started and waits for it, so that all has been sent on return. softflowd would keep
# its flows to itself; pmacctd's sFlow plugin does not end when asked, holds back nothing, and is
# killed.
exporters_stop() {
	local pid tries control
	for control in "$EXPORTERS"/softflowd*.ctl; do
		[ ! -S "$control" ] || softflowctl -c "$control" expire-all >/dev/null || true
		rm -f "$control"
	done
	if [ -n "$ovs_ns" ]; then
		ovs-appctl -T 30 -t "$EXPORTERS/ovs/vswitchd.ctl" exit --cleanup || true
		ovs-appctl -T 30 -t "$EXPORTERS/ovs/db.ctl" exit || true
		ovs_ns=
	fi
	[ ${#exporter_pids[@]} = 0 ] || kill "${exporter_pids[@]}" 2>/dev/null || true
	for pid in "${exporter_pids[@]}"; do
		tries=300
		[[ " ${exporter_stubborn[*]} " != *" $pid "* ]] || tries=10
		while [ $((tries--)) -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
			sleep 0.1
		done
		pkill -KILL -P "$pid" || true
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	exporter_pids=() exporter_stubborn=()
}
