#!/bin/bash
# The Kafka output against a real broker: delivery, order, formats, and what the operator is told.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_kafka.sh

tests/kafka.sh start "$work/broker" --secure --property message.max.bytes=400000 ||
	{ echo "FAIL broker: it does not start"; exit 1; }
. "$work/broker/env"

every_flow_arrives_once() {
	publish brokers=$KAFKA topic=$1 flows=300000 compression=${1%-*} && is accounts published_flows 300000 &&
		is accounts lost 0 && read_back brokers=$KAFKA topic=$1 flows=300000 &&
		is reading distinct 300000 && is reading duplicates 0 && is reading bad 0 &&
		is reading header_count 300000
}
for compression in lz4 zstd gzip none; do
	check "every flow arrives once, compression $compression" every_flow_arrives_once $compression
done

# Bytes that the broker has of a topic.
bytes_of() { find "$work/broker" -path "*/$1-[0-9]*/*.log" -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'; }

# Settings that librdkafka has for each topic reach it: the level of compression is one.
fast_lz4_is_less_compressed() {
	local lz4 fast none
	publish brokers=$KAFKA topic=fast flows=300000 compression=lz4-fast && is accounts published_flows 300000 &&
		read_back brokers=$KAFKA topic=fast flows=300000 && is reading distinct 300000 && is reading bad 0 || return
	lz4=$(bytes_of lz4) fast=$(bytes_of fast) none=$(bytes_of none)
	echo "bytes: lz4 $lz4, lz4-fast $fast, none $none"
	[ "$lz4" -gt 0 ] && [ "$fast" -gt $((lz4 * 105 / 100)) ] && [ "$fast" -lt "$none" ]
}
check "lz4-fast is LZ4 that compresses less" fast_lz4_is_less_compressed

order_is_kept() {
	publish brokers=$KAFKA topic=order flows=300000 exporters=97 message_bytes=65536 &&
		read_back brokers=$KAFKA topic=order flows=300000 exporters=97 &&
		is reading distinct 300000 && is reading disorder 0 && is reading split 0
}
check "an exporter's flows keep their order in one partition" order_is_kept

many_flows_share_a_message() {
	publish brokers=$KAFKA topic=random flows=300000 key=random message_millis=10000 && above accounts published_flows 299999 &&
		[ "$(number accounts published_messages)" -lt 200 ]
}
check "many flows share a message" many_flows_share_a_message

json_lines() {
	publish brokers=$KAFKA topic=json flows=20000 format=json &&
		kcat -b "$KAFKA" -t json -C -e -q -D '' >"$work/json" 2>"$work/kcat" &&
		[ "$(wc -l <"$work/json")" = 20000 ] &&
		[ "$(jq -r .sequence_num <"$work/json" | sort -un | wc -l)" = 20000 ]
}
check "JSON messages are lines" json_lines

native_blocks() {
	publish brokers=$KAFKA topic=native flows=100000 format=native message_bytes=65536 &&
		is accounts published_flows 100000 &&
		kcat -b "$KAFKA" -t native -C -e -q -f '%S %h\n' >"$work/native" &&
		awk '{ match($0, /count=[0-9]+/); n += substr($0, RSTART + 6, RLENGTH - 6) }
			$1 > 65536 || !/format=native/ { bad = 1 } END { exit bad || n != 100000 }' "$work/native"
}
check "Native messages keep to their size and say their rows" native_blocks

counters_have_their_topic() {
	publish brokers=$KAFKA topic=flows2 counter_topic=counters flows=20000 samples=7 &&
		is accounts published_counter_samples 7 &&
		kcat -b "$KAFKA" -t counters -C -e -q -f '%h\n' | grep -q 'weir.count=7,'
}
check "counter samples have a topic of their own" counters_have_their_topic

batch_identities_differ() {
	publish brokers=$KAFKA topic=ids flows=100000 message_bytes=65536 workers=2 &&
		kcat -b "$KAFKA" -t ids -C -e -q -f '%h\n' | sed 's/.*weir.batch=//' | sort >"$work/ids" &&
		[ -s "$work/ids" ] && [ -z "$(uniq -d "$work/ids")" ]
}
check "every message has an identity of its own" batch_identities_differ

headers_are_complete() {
	kcat -b "$KAFKA" -t ids -C -e -q -f '%h\n' >"$work/headers" && [ -s "$work/headers" ] &&
		! grep -vE '^weir.count=[0-9]+,weir.schema=1,weir.format=protobuf,weir.collector=([^,]+),weir.batch=\1/[0-9a-f]+/[01]/[0-9]+$' \
			"$work/headers"
}
check "each message tells count, schema, format, collector and identity" headers_are_complete

too_large() {
	publish brokers=$KAFKA topic=large flows=20000 compression=none message_bytes=900000 stop=20 &&
		says "over the broker's limit" && above accounts dropped_error_flows 0 &&
		read_back brokers=$KAFKA topic=large flows=20000 &&
		[ $(($(number accounts dropped_error_flows) + $(number reading distinct))) = 20000 ]
}
check "a message too large is dropped, counted and said" too_large

# said_by TEXT KEY=VALUE...: publishes what cannot be delivered until the log says so, or for a minute.
said_by() {
	local i publisher
	: >"$work/log"
	"$flows" publish "${@:2}" linger=60 stop=1 >"$work/accounts" 2>"$work/log" &
	publisher=$!
	for i in $(seq 600); do
		! grep -q "$1" "$work/log" && kill -0 $publisher 2>/dev/null || break
		sleep 0.1
	done
	kill -TERM $publisher 2>/dev/null
	wait $publisher || { echo "publishing ended with status $?"; return 1; }
	says "$1"
}

unreachable() {
	said_by "no broker can be reached" brokers=127.0.0.1:1 topic=x flows=1000 &&
		is accounts lost 1000 && is accounts dropped_error_flows 1000
}
check "a broker that cannot be reached is said" unreachable

tls() {
	publish brokers=$KAFKA_TLS topic=tls flows=20000 tls_ca=$KAFKA_CA && is accounts published_flows 20000
}
check "TLS" tls

wrong_authority() {
	said_by "TLS failed" brokers=$KAFKA_TLS topic=tls flows=20000 tls_ca=$KAFKA_OTHER_CA &&
		is accounts published_flows 0
}
check "a certificate of another authority is refused and said" wrong_authority

mutual_tls() {
	publish brokers=$KAFKA_MTLS topic=tls flows=20000 tls_ca=$KAFKA_CA tls_cert=$KAFKA_CERT \
		tls_key=$KAFKA_KEY && is accounts published_flows 20000
}
check "mutual TLS" mutual_tls

no_certificate() {
	said_by "TLS failed\|no broker can be reached" brokers=$KAFKA_MTLS topic=tls flows=20000 tls_ca=$KAFKA_CA &&
		is accounts published_flows 0
}
check "mutual TLS without our certificate fails and says so" no_certificate

missing_file() {
	! publish brokers=$KAFKA_TLS topic=tls flows=1 tls_ca=/nonexistent/ca.pem >/dev/null &&
		says "cannot read the CA certificate /nonexistent/ca.pem: No such file"
}
check "a certificate file that is not there is said" missing_file

login() {
	publish brokers=$KAFKA_SASL topic=login flows=20000 tls_ca=$KAFKA_CA sasl_mechanism="$1" \
		sasl_username=weir sasl_password_file="$work/broker/tls/password" "${@:2}" &&
		is accounts published_flows 20000
}
check "login with PLAIN" login PLAIN

wrong_password() {
	echo hunter2-not-it >"$work/password"
	said_by "refuses our login" brokers=$KAFKA_SASL topic=login flows=20000 tls_ca=$KAFKA_CA \
		sasl_mechanism=PLAIN sasl_username=weir sasl_password_file="$work/password" &&
		is accounts published_flows 0 && says_not hunter2
}
check "a wrong password is said and not shown" wrong_password

# librdkafka older than 2.6.1 cannot do SCRAM with this broker, and one without OpenID Connect cannot
# get tokens: each says so. A newer one can do both.
scram() {
	if library_has version 2.6.1; then
		login "$1"
	else
		login "$1" stop=3 >/dev/null
		says "cannot do SCRAM with Kafka 4"
	fi
}
check "SCRAM works, or the library is said to be too old" scram SCRAM-SHA-512

with_token() { # PASSWORD-FILE COMMAND...
	"${@:2}" brokers=$KAFKA_SASL topic=login flows=20000 tls_ca=$KAFKA_CA sasl_mechanism=OAUTHBEARER \
		sasl_username=weir sasl_token_url="http://127.0.0.1:$(cat "$work/issuer")/token" \
		sasl_scope=kafka sasl_password_file="$1"
}
token_works() { with_token "$work/broker/tls/password" publish && is accounts published_flows 20000; }
no_openid() {
	! with_token "$work/broker/tls/password" publish >/dev/null && says "built without OpenID Connect"
}
wrong_secret() {
	with_token "$work/password" said_by "refuses our login" && is accounts published_flows 0 && says_not hunter2
}
tests/integration/token_issuer.py weir "$work/broker/tls/password" >"$work/issuer" &
issuer=$!
until [ -s "$work/issuer" ] || ! kill -0 $issuer 2>/dev/null; do sleep 0.1; done
if library_has feature oidc; then
	check "OAUTHBEARER with a token of OpenID Connect" token_works
else
	check "a library without OpenID Connect is said" no_openid
fi

if newer_library; then
	export LD_LIBRARY_PATH=$newer
	for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
		check "a newer library: login with $mechanism" login $mechanism
	done
	check "a newer library: OAUTHBEARER with a token of OpenID Connect" token_works
	check "a newer library: a wrong secret is said and not shown" wrong_secret
	check "a newer library: every flow arrives once" every_flow_arrives_once lz4-newer
	unset LD_LIBRARY_PATH
else
	echo "SKIP newer library: the package confluent-kafka could not be had: $(tail -n 1 "$work/pip")"
fi
kill $issuer

unknown_property() {
	! publish brokers=$KAFKA topic=x flows=1 property=no.such=1 >/dev/null && says "property no.such"
}
check "a property that librdkafka does not have is refused" unknown_property

tests/kafka.sh start "$work/broker2" --property auto.create.topics.enable=false ||
	{ echo "FAIL broker: the second does not start"; exit 1; }
. "$work/broker2/env"

missing_topic() {
	publish brokers=$KAFKA topic=later flows=20000 stop=60 property=topic.metadata.propagation.max.ms=1000 &
	local i
	for i in $(seq 300); do
		grep -q "has no topic later" "$work/log" 2>/dev/null && break
		sleep 0.2
	done
	says "has no topic later" || return 1
	tests/kafka.sh topic "$work/broker2" later 3 && wait $! && is accounts published_flows 20000 &&
		read_back brokers=$KAFKA topic=later flows=20000 && is reading distinct 20000
}
rm -f "$work/log"
check "flows wait for a topic that is missing" missing_topic

[ $failures = 0 ]
