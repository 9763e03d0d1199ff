#!/bin/bash
# A real API server with controllers and scheduler, on loopback; nodes that kwok plays. No kubelet: no
# container runs, pods become Running because kwok says so.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/helm/cluster.sh start DIR [NODES]   etcd, kube-apiserver, controllers, scheduler, kwok, nodes
#        deploy/helm/cluster.sh stop DIR
# `start` leaves DIR/kubeconfig. deploy/helm/tools.sh has built the programs.
set -eu
bin=${XDG_CACHE_HOME:-$HOME/.cache}/weir/bin
die() { printf 'cluster.sh: %s\n' "$*" >&2; exit 1; }

free_ports() { # N
	python3 - "$1" <<-'END'
	import socket, sys
	s = [socket.socket() for _ in range(int(sys.argv[1]))]
	for i in s: i.bind(("127.0.0.1", 0))
	print(*[i.getsockname()[1] for i in s])
	END
}

run() { # NAME COMMAND...
	setsid "${@:2}" >"$dir/$1.log" 2>&1 </dev/null &
	echo $! >>"$dir/pids"
}

wait_for() { # SECONDS WHAT COMMAND...
	local end=$((SECONDS + $1))
	until "${@:3}" >"$dir/wait.log" 2>&1; do
		[ $SECONDS -lt $end ] || die "$2 is not there after $1 s: $(tail -n 2 "$dir/wait.log")"
		sleep 0.5
	done
}

kubectl() { "$bin/kubectl" --kubeconfig "$dir/kubeconfig" "$@"; }

node() { # NAME
	cat <<-END
	apiVersion: v1
	kind: Node
	metadata:
	  name: $1
	  annotations: {kwok.x-k8s.io/node: fake}
	  labels: {kubernetes.io/os: linux, kubernetes.io/hostname: $1, weir: "true"}
	status:
	  allocatable: {cpu: "8", memory: 16Gi, pods: "110"}
	  capacity: {cpu: "8", memory: 16Gi, pods: "110"}
	---
	END
}

start() {
	local nodes=${1:-3} etcd peer api controller scheduler kwok i
	mkdir -p "$dir"
	read -r etcd peer api controller scheduler kwok < <(free_ports 6)
	openssl genrsa -out "$dir/sa.key" 2048 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
		-keyout "$dir/api.key" -out "$dir/api.crt" 2>/dev/null
	local token
	token=$(od -An -N 16 -tx1 /dev/urandom | tr -d ' \n')
	echo "$token,admin,admin,system:masters" >"$dir/tokens"
	chmod 600 "$dir/tokens" "$dir/sa.key" "$dir/api.key"
	cat >"$dir/kubeconfig" <<-END
	apiVersion: v1
	kind: Config
	clusters: [{name: c, cluster: {server: "https://127.0.0.1:$api", certificate-authority: $dir/api.crt}}]
	users: [{name: u, user: {token: $token}}]
	contexts: [{name: c, context: {cluster: c, user: u}}]
	current-context: c
	END
	chmod 600 "$dir/kubeconfig"
	run etcd etcd --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
		--listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
		--initial-cluster "default=http://127.0.0.1:$peer" --unsafe-no-fsync
	run apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd" --bind-address 127.0.0.1 --advertise-address 192.0.2.1 \
		--endpoint-reconciler-type none --secure-port "$api" \
		--tls-cert-file "$dir/api.crt" --tls-private-key-file "$dir/api.key" --token-auth-file "$dir/tokens" \
		--service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/sa.key" \
		--service-account-signing-key-file "$dir/sa.key" --service-cluster-ip-range 10.96.0.0/16 \
		--authorization-mode RBAC --feature-gates=WatchList=false --cert-dir "$dir"
	wait_for 120 "the API server" kubectl get --raw /readyz
	run controllers "$bin/kube-controller-manager" --kubeconfig "$dir/kubeconfig" --service-account-private-key-file "$dir/sa.key" \
		--use-service-account-credentials=false --leader-elect=false --bind-address 127.0.0.1 --secure-port "$controller" \
		--feature-gates=WatchList=false --cert-dir "$dir"
	run scheduler "$bin/kube-scheduler" --kubeconfig "$dir/kubeconfig" --leader-elect=false --bind-address 127.0.0.1 \
		--secure-port "$scheduler" --feature-gates=WatchList=false --cert-dir "$dir"
	run kwok "$bin/kwok" --kubeconfig "$dir/kubeconfig" --manage-all-nodes=false --manage-nodes-with-annotation-selector kwok.x-k8s.io/node=fake \
		--server-address "127.0.0.1:$kwok"
	for i in $(seq "$nodes"); do node "node-$i"; done | kubectl apply -f - >"$dir/nodes.log"
	wait_for 60 "a node" kubectl wait --for=condition=Ready node --all --timeout=5s
	# What the node life-cycle puts there before a node is ready.
	kubectl taint nodes --all node.kubernetes.io/not-ready- >"$dir/taint.log" 2>&1 || true
	wait_for 30 "the default account" kubectl get serviceaccount default
}

[ $# -ge 2 ] || { sed -n '5,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
dir=$2
case $1 in
start) shift 2; start "$@" ;;
stop)
	[ ! -e "$dir/pids" ] || tac "$dir/pids" | while read -r pid; do kill "$pid" 2>/dev/null || true; done
	;;
*) die "start or stop, not '$1'" ;;
esac
