#!/bin/bash
# Who may see a flow: scopes that ingest adds, what rollups override; and other collectors' names.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_clickhouse.sh

flow() { # BATCH COLUMN=VALUE...: one flow, as ingest gets it
	local batch=$1 names= values= pair
	shift
	for pair; do
		names+=", ${pair%%=*}" values+=", ${pair#*=}"
	done
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, etype, topic, kafka_time, batch_id$names)
		SELECT 'IPFIX', toUnixTimestamp64Nano(now64(9)), 2048, 'flows', now64(3), '$batch'$values"
}
scopes_of() { sql "SELECT policy_scope FROM data_flow WHERE batch = cityHash64('flows', '$1')"; }
has_scopes() { # BATCH SCOPES
	[ "$(scopes_of "$1")" = "$2" ] || { echo "scopes of $1: $(scopes_of "$1"), not $2"; return 1; }
}

export CLICKHOUSE_POLICY_SCOPE=comm:re,comm:lab
export CLICKHOUSE_FLOW_POLICY_COMMUNITY_SCOPE_MAP=64805:lhcone,64806:lsst
export CLICKHOUSE_FLOW_MV_POLICY_LEVEL=tlp:green CLICKHOUSE_FLOW_MV_POLICY_SCOPE='comm:re, comm:all'
start_front
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }

automatic() {
	# RFC 4364: a number of two bytes and one of four; an address and two; four bytes and two.
	flow a src_as=64500 dst_as=64501 mpls_vpn_rd="bitOr(bitShiftLeft(toUInt64(293), 32), 64805)" &&
		flow b src_as=64500 dst_as=64500 mpls_vpn_rd="bitOr(bitShiftLeft(toUInt64(1), 48), bitOr(bitShiftLeft(toUInt64(167772161), 16), 64806))" &&
		flow c mpls_vpn_rd=7 && flow d policy_scope="['as:9']" src_as=1 || return 1
	has_scopes a "['comm:re','comm:lab','as:64500','as:64501','comm:lhcone']" &&
		has_scopes b "['comm:re','comm:lab','as:64500','comm:lsst']" &&
		has_scopes c "['comm:re','comm:lab']" && has_scopes d "['as:9']"
}
check "flows without scopes get those of their AS and community, others keep theirs" automatic

override() {
	is "SELECT DISTINCT policy_level, policy_scope, length(policy_scope) FROM data_flow_by_ip_version_1h" \
		"tlp:green	['comm:re','comm:all']	2" && is "SELECT DISTINCT policy_level FROM data_flow" tlp:amber
}
check "an override of the rollups' scope with several values has them all" override

own() {
	# A file of templates is applied again when its variables change; the rows of before stay.
	CLICKHOUSE_FLOW_MV_POLICY_LEVEL= CLICKHOUSE_FLOW_MV_POLICY_SCOPE= schema && sql "TRUNCATE TABLE data_flow_by_ip_version_1h" || return 1
	flow own1 src_as=1 dst_as=2 in_interface_edge=true && flow own2 src_as=3 in_interface_edge=true || return 1
	is "SELECT DISTINCT policy_scope FROM data_flow_by_ip_version_1h" "['comm:re','comm:lab']" &&
		is "SELECT policy_scope FROM data_flow_by_edge_as_1h WHERE src_as_id = 1" "['comm:re','comm:lab','as:1','as:2']"
}
check "without one, rollups over all AS have no scope of an AS" own

off() {
	CLICKHOUSE_FLOW_POLICY_AUTO_SCOPES=false schema && flow e src_as=64500 mpls_vpn_rd=64805 && has_scopes e "['comm:re','comm:lab']" || return 1
	CLICKHOUSE_FLOW_POLICY_AUTO_SCOPES=false CLICKHOUSE_POLICY_SCOPE='' schema && flow f src_as=64500 && has_scopes f "[]"
}
check "automatic scopes may be off; then there are those that are set, or none" off

refused() {
	! CLICKHOUSE_FLOW_POLICY_COMMUNITY_SCOPE_MAP=64805:lhcone,many:x schema >"$work/why" || return 1
	grep -q "CLICKHOUSE_FLOW_POLICY_COMMUNITY_SCOPE_MAP: 'many:x' is not NUMBER:NAME" "$work/why"
}
check "a map that is wrong is told" refused

akvorado() {
	flow g device_id="'r1'" device_name="'r1.example.net'" device_site="'nyc'" device_tenant="'t'" src_country="'DE'" \
		src_network_name="'campus'" in_interface_id="'r1::et1'" in_interface_name="'et1'" in_interface_edge=true \
		in_interface_speed=100000000000 in_interface_provider="'isp'" in_interface_connectivity="'transit'" \
		out_interface_id="'r1::et2'" out_interface_boundary="'internal'" bgp_communities="[4227399681]" \
		bgp_large_communities="[64500, 1, 2]" mpls_label="[100, 200]" proto=58 icmp_type=128 src_as=77 || return 1
	is "SELECT ExporterName, ExporterSite, ExporterTenant, SrcCountry, SrcNetName, InIfName, InIfSpeed, InIfProvider,
		InIfConnectivity, InIfBoundary, OutIfName, OutIfBoundary, DstCommunities, DstLargeCommunities, MPLS2ndLabel,
		ICMPv4Type, ICMPv6Type, toTypeName(DstCommunities) FROM flows WHERE SrcAS = 77" \
		"r1.example.net	nyc	t	DE	campus	et1	100000	isp	transit	external	r1::et2	internal	[4227399681]	[1189814992754270374199298]	200	0	128	Array(UInt32)" &&
		is "SELECT DISTINCT InIfBoundary FROM flows WHERE SrcAS != 77" undefined
}
check "flows under Akvorado's names have what enrichment found" akvorado

[ $failures = 0 ]
