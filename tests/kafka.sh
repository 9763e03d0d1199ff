#!/bin/bash
# A real Kafka broker on free ports, for the tests: one node, KRaft, data in one directory.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/kafka.sh setup                  fetch the broker (Maven, once; needs java and mvn)
#        tests/kafka.sh start DIR [OPTION...]  start a new one or the stopped one in DIR
#          --secure                  also listeners with TLS, mutual TLS, and logins over TLS
#          --address ADDRESS         of this namespace's, instead of 127.0.0.1
#          --property NAME=VALUE     of the broker, e.g. auto.create.topics.enable=false
#        tests/kafka.sh stop DIR [SIGNAL]      TERM unless told otherwise
#        tests/kafka.sh topic DIR NAME [PARTITIONS]
#        tests/kafka.sh remove DIR             stop and delete
# `start` leaves DIR/env to be sourced: KAFKA=ADDRESS:PORT, KAFKA_PID, and with --secure
# KAFKA_TLS, KAFKA_MTLS, KAFKA_SASL (user weir, password DIR/tls/password; PLAIN, SCRAM,
# and OAUTHBEARER with unsigned tokens),
# KAFKA_CA, KAFKA_CERT, KAFKA_KEY (the client's), KAFKA_OTHER_CA (that signed none of them).
set -eu

version=4.3.1
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir
lib=$cache/kafka-$version

die() { printf 'kafka.sh: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '4,17s/^# \{0,1\}//p' "$0" >&2; exit 2; }

setup() {
	[ ! -e "$lib/complete" ] || return 0
	command -v java >/dev/null || die "no java; install default-jre-headless"
	command -v mvn >/dev/null || die "no mvn; install maven"
	mkdir -p "$cache"
	exec 8>"$cache/lock"
	flock 8
	[ ! -e "$lib/complete" ] || return 0
	local work
	work=$(mktemp -d)
	cat >"$work/pom.xml" <<-END
	<project xmlns="http://maven.apache.org/POM/4.0.0">
	  <modelVersion>4.0.0</modelVersion>
	  <groupId>weir</groupId><artifactId>kafka</artifactId><version>1</version>
	  <dependencies>
	    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
	      <version>$version</version></dependency>
	    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId>
	      <version>$version</version></dependency>
	    <dependency><groupId>org.apache.logging.log4j</groupId>
	      <artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
	  </dependencies>
	</project>
	END
	(cd "$work" && mvn -B -ntp -q dependency:copy-dependencies -DincludeScope=runtime \
		-DoutputDirectory="$lib" >"$work/log" 2>&1) || {
		tail -n 20 "$work/log" >&2
		rm -rf "$work"
		die "Maven could not fetch org.apache.kafka:kafka_2.13:$version"
	}
	rm -rf "$work"
	touch "$lib/complete"
	exec 8>&-
}

free_ports() { # N: that many TCP ports nobody has, all below the range for outgoing connections
	python3 - "$1" <<-'END'
	import random, socket, sys
	got = []
	while len(got) < int(sys.argv[1]):
	    port = random.randrange(20000, 32000)
	    with socket.socket() as s:
	        try:
	            s.bind(("127.0.0.1", port))
	        except OSError:
	            continue
	    if port not in got:
	        got.append(port)
	print(*got)
	END
}

log4j() {
	cat >"$1/log4j2.properties" <<-'END'
	status = error
	appender.out.type = Console
	appender.out.name = out
	appender.out.layout.type = PatternLayout
	appender.out.layout.pattern = %d %p %c{1}: %m%n
	rootLogger.level = warn
	rootLogger.appenderRef.out.ref = out
	logger.server.name = kafka.server
	logger.server.level = info
	END
}

# Two authorities, the broker's and the client's certificate of the first.
certificates() {
	local d=$1/tls name
	mkdir -p "$d"
	for name in ca other; do
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=weir test $name" \
			-keyout "$d/$name.key" -out "$d/$name.pem" 2>/dev/null
	done
	for name in broker client; do
		openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$d/$name.key" \
			-out "$d/$name.csr" 2>/dev/null
		printf 'subjectAltName=IP:%s,DNS:localhost\n' "$address" >"$d/ext"
		openssl x509 -req -in "$d/$name.csr" -CA "$d/ca.pem" -CAkey "$d/ca.key" -CAcreateserial \
			-days 30 -extfile "$d/ext" -out "$d/$name.pem" 2>/dev/null
	done
	cat "$d/broker.key" "$d/broker.pem" "$d/ca.pem" >"$d/keystore.pem"
	openssl rand -hex 12 >"$d/password"
	chmod 600 "$d"/*
}

configure() { # DIR SECURE PROPERTY...
	local dir=$1 secure=$2 ports listeners map password jaas
	shift 2
	read -ra ports < <(free_ports 5)
	listeners=PLAINTEXT://$address:${ports[0]},CONTROLLER://127.0.0.1:${ports[1]}
	map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
	{
		printf 'KAFKA=%s:%s\n' "$address" "${ports[0]}"
		if [ "$secure" ]; then
			printf 'KAFKA_TLS=%s\nKAFKA_MTLS=%s\nKAFKA_SASL=%s\n' "$address:${ports[2]}" \
				"$address:${ports[3]}" "$address:${ports[4]}"
			printf 'KAFKA_CA=%s\nKAFKA_CERT=%s\nKAFKA_KEY=%s\nKAFKA_OTHER_CA=%s\n' \
				"$dir/tls/ca.pem" "$dir/tls/client.pem" "$dir/tls/client.key" "$dir/tls/other.pem"
		fi
	} >"$dir/addresses"
	{
		if [ "$secure" ]; then
			certificates "$dir"
			password=$(cat "$dir/tls/password")
			jaas=org.apache.kafka.common.security
			listeners=$listeners,TLS://$address:${ports[2]},MTLS://$address:${ports[3]}
			listeners=$listeners,LOGIN://$address:${ports[4]}
			map=$map,TLS:SSL,MTLS:SSL,LOGIN:SASL_SSL
			cat <<-END
			ssl.keystore.type=PEM
			ssl.keystore.location=$dir/tls/keystore.pem
			ssl.truststore.type=PEM
			ssl.truststore.location=$dir/tls/ca.pem
			listener.name.mtls.ssl.client.auth=required
			listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
			listener.name.login.plain.sasl.jaas.config=$jaas.plain.PlainLoginModule required user_weir="$password";
			listener.name.login.scram-sha-256.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
			listener.name.login.scram-sha-512.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
			listener.name.login.oauthbearer.sasl.jaas.config=$jaas.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
			END
		fi
		cat <<-END
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:${ports[1]}
		controller.listener.names=CONTROLLER
		inter.broker.listener.name=PLAINTEXT
		listeners=$listeners
		listener.security.protocol.map=$map
		log.dirs=$dir/data
		num.partitions=4
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		group.initial.rebalance.delay.ms=0
		END
		printf '%s\n' "$@"
	} >"$dir/server.properties"
}

format() { # DIR SECURE
	local scram=() m
	if [ "$2" ]; then
		for m in SCRAM-SHA-256 SCRAM-SHA-512; do
			scram+=(--add-scram "$m=[name=weir,password=$(cat "$1/tls/password")]")
		done
	fi
	java -Dlog4j2.configurationFile="$1/log4j2.properties" -cp "$lib/*" kafka.tools.StorageTool format \
		-t "$(head -c 16 /dev/urandom | base64 | tr '+/' ab | cut -c1-22)" \
		-c "$1/server.properties" "${scram[@]}" >"$1/format.log" 2>&1 ||
		{ tail -n 20 "$1/format.log" >&2; die "cannot format $1/data"; }
}

# A killed one that nobody has waited for yet does not count.
running() {
	[ -e "$1/pid" ] && grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$(cat "$1/pid")/status" 2>/dev/null
}

start() {
	local dir=$1 secure= properties=() address=127.0.0.1 host port i
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--secure) secure=1 ;;
		--address) shift; address=$1 ;;
		--property) shift; properties+=("$1") ;;
		*) usage ;;
		esac
		shift
	done
	setup
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	! running "$dir" || die "the broker in $dir runs already"
	if [ ! -e "$dir/server.properties" ]; then
		log4j "$dir"
		configure "$dir" "$secure" "${properties[@]}"
		format "$dir" "$secure"
	fi
	setsid java -Xmx512m -XX:+UseSerialGC -Dlog4j2.configurationFile="$dir/log4j2.properties" \
		-cp "$lib/*" kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 </dev/null 8>&- 9>&- &
	echo $! >"$dir/pid"
	cp "$dir/addresses" "$dir/env"
	printf 'KAFKA_PID=%s\n' "$!" >>"$dir/env"
	host=$(sed -n 's/^KAFKA=\(.*\):.*/\1/p' "$dir/env")
	port=$(sed -n 's/^KAFKA=.*://p' "$dir/env")
	for i in $(seq 300); do
		if (exec 7<>"/dev/tcp/$host/$port") 2>/dev/null &&
			kcat -b "$host:$port" -L -m 2 >/dev/null 2>&1; then
			return 0
		fi
		running "$dir" || { tail -n 20 "$dir/log" >&2; die "the broker ended at once"; }
		sleep 0.2
	done
	tail -n 20 "$dir/log" >&2
	die "the broker is not ready after a minute"
}

stop() {
	local pid i
	running "$1" || return 0
	pid=$(cat "$1/pid")
	kill -CONT "$pid" 2>/dev/null || true
	kill -"${2:-TERM}" "$pid" 2>/dev/null || true
	for i in $(seq 150); do
		running "$1" || break
		sleep 0.1
		[ "$i" != 100 ] || kill -KILL "$pid"
	done
	rm -f "$1/pid"
}

topic() {
	. "$1/env"
	java -Dlog4j2.configurationFile="$1/log4j2.properties" -cp "$lib/*" \
		org.apache.kafka.tools.TopicCommand --bootstrap-server "$KAFKA" --create \
		--topic "$2" --partitions "${3:-4}" >/dev/null
}

[ $# -ge 1 ] || usage
command=$1
shift
case $command in
setup) setup ;;
start | stop | topic)
	[ $# -ge 1 ] || usage
	$command "$@"
	;;
remove)
	[ $# = 1 ] || usage
	stop "$1" KILL
	[ ! -e "$1/server.properties" ] || rm -rf "$1"
	;;
*) usage ;;
esac
