#!/bin/bash
# The chart: lint, rendering for several versions of Kubernetes, what it must and must not render.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../../tests/lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
chart=deploy/helm/weir
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
versions=${K8S_VERSIONS:-1.30 1.32 1.34}
helm=$(command -v helm || echo "$cache/bin/helm")

if [ ! -x "$helm" ]; then
	skip chart "no helm: GOBIN=$cache/bin go install helm.sh/helm/v3/cmd/helm@v3.22.0"
	finish
fi

# Everything that can be turned on, and names that are hard to take.
cat >"$scratch/full.yaml" <<'END'
image: {repository: registry.example.org:5000/weir, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
imagePullSecrets: [{name: pull}]
podAnnotations: {"example.org/odd": "yes: \"no\" # {{ not a template }}"}
podLabels: {team: network}
nodeSelector: {weir: "true"}
tolerations: [{key: router-facing, operator: Exists, effect: NoSchedule}]
settings:
  interfaces: [eth0, bond0.100]
  listen: {ports: [2055, 9995]}
  exporters: {allow: [192.0.2.0/24, "2001:db8::/32"]}
  outputs:
    - type: kafka
      brokers: kafka:9093
      topic: flows
      tls: {ca: /etc/weir-secrets/kafka-tls/ca.crt, certificate: /etc/weir-secrets/kafka-tls/tls.crt, key: /etc/weir-secrets/kafka-tls/tls.key}
      sasl: {mechanism: SCRAM-SHA-512, username: "${KAFKA_USERNAME}", password: "${KAFKA_PASSWORD}"}
secretFiles: [kafka-tls]
env: [{name: KAFKA_PASSWORD, valueFrom: {secretKeyRef: {name: kafka, key: password}}}]
envFrom: [{secretRef: {name: kafka}}]
meta: {files: {meta_device.yml: "- id: a\n  name: \"x: y\"\n"}}
metrics: {address: 0.0.0.0, port: 9400, podMonitor: {enabled: true, labels: {release: prometheus}}, prometheusRule: {enabled: true}}
podDisruptionBudget: {enabled: true}
networkPolicy: {enabled: true, exporters: [{ipBlock: {cidr: 192.0.2.0/24}}]}
schemaJob: {enabled: true, envFrom: [{secretRef: {name: clickhouse}}]}
cronJobs: {scireg: {schedule: "17 3 * * *", args: [load, scireg]}}
securityContext: {seccompProfile: {type: Localhost, localhostProfile: weir.json}}
END

said=$("$helm" lint --strict "$chart" 2>&1) && pass lint || fail lint "$said"
said=$("$helm" lint --strict "$chart" -f "$scratch/full.yaml" 2>&1) && pass lint_full || fail lint_full "$said"

render() { # OUT OPTION...
	"$helm" template collector "$chart" --namespace flows "${@:2}" >"$1" 2>"$scratch/error"
}

validator=$cache/k8s/bin/kubernetes-validate
for version in $versions; do
	for values in /dev/null "$scratch/full.yaml"; do
		name=$(basename "$values" .yaml)
		name=valid_${version}_${name/null/default}
		if ! render "$scratch/out.yaml" --kube-version "$version" -f "$values"; then
			fail "$name" "$(cat "$scratch/error")"
		elif [ ! -x "$validator" ]; then
			skip "$name" "no kubernetes-validate: python3 -m venv $cache/k8s && $cache/k8s/bin/pip install kubernetes-validate==1.37.0"
		elif said=$("$validator" --strict -k "$version" "$scratch/out.yaml" 2>&1); then
			pass "$name"
		else
			fail "$name" "$(tail -n 3 <<<"$said")"
		fi
	done
done

# What stands in the rendered objects.
render "$scratch/default.yaml" --kube-version 1.34
render "$scratch/full.out" --kube-version 1.34 -f "$scratch/full.yaml"
default=$(cat "$scratch/default.yaml") full=$(cat "$scratch/full.out")
expect default_is_confined "$default" 'drop: \[ALL\]' 'readOnlyRootFilesystem: true' \
	'allowPrivilegeEscalation: false' 'privileged: false' 'automountServiceAccountToken: false' \
	'hostNetwork: true' '^ +- IPC_LOCK$' 'type: RuntimeDefault' 'type: Directory'
expect default_metrics_stay_on_the_node "$default" 'listen: 127.0.0.1:9331' 'host: "127.0.0.1"'
expect pins_stay_over_an_update "$default" 'keep_attached: true'
expect nothing_more_than_asked_for \
	"$(grep '^kind:' "$scratch/default.yaml" | sort -u | tr '\n' ' ')" \
	'^kind: ConfigMap kind: DaemonSet kind: Pod kind: ServiceAccount $'
expect full_has_all_kinds "$(grep '^kind:' "$scratch/full.out" | sort -u | tr '\n' ' ')" \
	CronJob Job NetworkPolicy PodDisruptionBudget PodMonitor PrometheusRule
expect full_takes_the_digest "$full" 'image: "registry.example.org:5000/weir@sha256:0{64}"'
expect secrets_are_not_for_all "$full" 'defaultMode: 0?400' '/etc/weir-secrets/kafka-tls'
expect odd_text_stays_text "$full" 'example.org/odd: .*not a template'
expect variables_are_left_to_the_agent "$full" 'password: .?\$\{KAFKA_PASSWORD\}'

# The settings are good for the program that will read them.
for out in default.yaml full.out; do
	sed -n '/^  weir.yaml: |$/,/^[^ ]/{/^    /s/^    //p}' "$scratch/$out" >"$scratch/weir.yaml"
	grep -q '^outputs:' "$scratch/weir.yaml" || : >"$scratch/weir.yaml.missing"
	if [ -e "$scratch/weir.yaml.missing" ]; then
		fail "settings_of_${out%.*}_are_valid" "there are none in $out"
	elif said=$(KAFKA_USERNAME=u KAFKA_PASSWORD=p "$WEIR" check -c "$scratch/weir.yaml" 2>&1); then
		pass "settings_of_${out%.*}_are_valid"
	else
		fail "settings_of_${out%.*}_are_valid" "$said"
	fi
done

refused() { # NAME REGEX OPTION...
	if render "$scratch/out.yaml" --kube-version 1.34 "${@:3}"; then
		fail "$1" "it was rendered"
	else
		expect "$1" "$(cat "$scratch/error")" "$2"
	fi
}
refused refuses_unknown_values 'nodeSelektor' --set nodeSelektor.a=b
refused refuses_a_port_out_of_range 'ports' --set 'settings.listen.ports={70000}'
refused refuses_no_ports 'ports' --set-json 'settings.listen.ports=[]'
refused refuses_privileges 'capabilities' --set 'securityContext.capabilities={SYS_ADMIN}'
refused refuses_relative_paths 'hostPath' --set state.hostPath=var/lib
refused refuses_a_bad_digest 'digest' --set image.digest=sha256:abc
refused refuses_what_the_chart_sets 'metrics' --set settings.metrics.listen=0.0.0.0:1
refused refuses_a_monitor_that_reaches_nothing 'metrics.address' --set metrics.podMonitor.enabled=true
refused refuses_quotes_in_the_image 'repository' --set 'image.repository=weir" evil'

for tool in kube-apiserver kwok; do
	[ -x "$cache/bin/$tool" ] || skip "simulated_cluster" "no $tool in $cache/bin: install, upgrade and rollback are not tried"
	break
done
finish
