#!/bin/bash
# The chart: lint, rendering for several versions of Kubernetes, what it must and must not render; then
# on a real API server.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/helm/test.sh [chart]    chart: without the server
. "$(dirname "$0")/../../tests/lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
chart=deploy/helm/weir
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
versions=${K8S_VERSIONS:-1.30 1.32 1.34}
helm=$(command -v helm || echo "$cache/bin/helm")

if [ ! -x "$helm" ]; then
	skip chart "no helm: make k8s-tools"
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
meta: {files: {meta_device.yml: "table: meta_device\ndata: [{id: a, name: \"x: y\"}]\n"}}
enrichment: {sidecar: {enabled: true}}
loadEnv: [{name: CLICKHOUSE_HOST, value: clickhouse}]
loadEnvFrom: [{secretRef: {name: clickhouse}}]
metrics: {address: 0.0.0.0, port: 9400, podMonitor: {enabled: true, labels: {release: prometheus}}, prometheusRule: {enabled: true}}
podDisruptionBudget: {enabled: true}
networkPolicy: {enabled: true, exporters: [{ipBlock: {cidr: 192.0.2.0/24}}]}
schemaJob: {enabled: true, envFrom: [{secretRef: {name: clickhouse}}]}
cronJobs: {caida: {enabled: true}, geolite: {enabled: true}, export: {enabled: true, env: [{name: EXPORT_GRACE, value: "10"}]}, analytics: {enabled: true}, own: {schedule: "@daily", args: [load, scireg]}}
securityContext: {seccompProfile: {type: Localhost, localhostProfile: weir.json}}
END

said=$("$helm" lint --strict "$chart" 2>&1) && pass lint || fail lint "$said"
said=$("$helm" lint --strict "$chart" -f "$scratch/full.yaml" 2>&1) && pass lint_full || fail lint_full "$said"

render() { # OUT OPTION...
	"$helm" template collector "$chart" --namespace flows "${@:2}" >"$1" 2>"$scratch/error"
}

validator=
if venv=$(tests/venv.sh k8s 2>"$scratch/venv"); then
	validator=$venv/bin/kubernetes-validate
fi
for version in $versions; do
	for values in /dev/null "$scratch/full.yaml"; do
		name=$(basename "$values" .yaml)
		name=valid_${version}_${name/null/default}
		if ! render "$scratch/out.yaml" --kube-version "$version" -f "$values"; then
			fail "$name" "$(cat "$scratch/error")"
		elif [ -z "$validator" ]; then
			skip "$name" "no kubernetes-validate: $(tail -n 1 "$scratch/venv")"
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
expect surges_onto_the_same_node "$default" 'maxSurge: 1' 'args: .agent, --replace, --stay,' 'path: "/run/weir"'
expect and_so_declares_no_ports "$(grep -cE 'containerPort|hostPort' "$scratch/default.yaml" "$scratch/full.out" | tr '\n' ' ')" '^[^ ]*:0 [^ ]*:0 $'
expect pins_stay_over_an_update "$default" 'keep_attached: true'
expect is_started_again_when_interfaces_are_back "$default" '^ +when_back: exit$'
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
refused refuses_paths_that_climb 'hostPath' --set state.hostPath=/var/lib/../../etc
refused refuses_a_bad_digest 'digest' --set image.digest=sha256:abc
refused refuses_what_the_chart_sets 'metrics' --set settings.metrics.listen=0.0.0.0:1
refused refuses_a_monitor_that_reaches_nothing 'metrics.address' --set metrics.podMonitor.enabled=true
refused refuses_quotes_in_the_image 'repository' --set 'image.repository=weir" evil'

refused refuses_names_that_are_none 'fullnameOverride' --set fullnameOverride=Weir_X
refused refuses_a_class_that_breaks_the_text 'priorityClassName' --set-json 'priorityClassName="a\nhostPID: true"'
refused refuses_a_claim_that_breaks_the_text 'existingClaim' --set-json 'enrichment.existingClaim="a: b"'
refused refuses_a_schedule_that_is_none 'schedule' --set cronJobs.caida.schedule=hourly
refused refuses_jobs_with_long_names 'a-very-long-name' --set cronJobs.a-very-long-name.schedule=@daily
refused refuses_settings_without_a_list 'ports' --set-json 'settings.listen.ports=null' --set-json 'settings.listen.ports="2055"'
refused refuses_interfaces_that_are_none 'interfaces' --set 'settings.interfaces={a/b}'
refused refuses_labels_that_are_none 'nodeSelector' --set-json 'nodeSelector={"a": "b c"}'
refused refuses_what_yaml_has_no_place_for 'control character' --set-json 'podAnnotations={"a": "\u007f"}'
refused refuses_another_profile_of_system_calls 'seccompProfile' --set securityContext.seccompProfile.type=None

# A value may hold anything: what is rendered is YAML of the same objects, and holds the value.
odd=$(printf '\\" \x27 # : {{ fail "x" }} ${X} %%s \xc3\xa9 <&> - |')
jq -n --arg odd "$odd" '{podAnnotations: {"a/b": $odd}, settings: {collector_id: $odd}, meta: {files: {"meta_device.yml": $odd}},
	env: [{name: "ODD", value: $odd}],
	serviceAccount: {annotations: {"c/d": $odd}}, cronJobs: {odd: {schedule: "@daily", args: [$odd]}}}' >"$scratch/odd.json"
if render "$scratch/out.yaml" --kube-version 1.34 -f "$scratch/odd.json"; then
	got=$(python3 -c '
import json, sys, yaml
docs = {d["kind"] + "/" + d["metadata"]["name"]: d for d in yaml.safe_load_all(open(sys.argv[1])) if d}
odd = sys.argv[2]
daemon = docs["DaemonSet/collector-weir"]["spec"]["template"]
pod = daemon["spec"]
print([daemon["metadata"]["annotations"]["a/b"] == odd, odd in [e.get("value") for e in pod["containers"][0]["env"]],
    len(pod["containers"]),
    yaml.safe_load(docs["ConfigMap/collector-weir"]["data"]["weir.yaml"])["collector_id"] == odd,
    docs["ConfigMap/collector-weir-meta"]["data"]["meta_device.yml"] == odd,
    docs["ServiceAccount/collector-weir"]["metadata"]["annotations"]["c/d"] == odd,
    docs["CronJob/collector-weir-odd"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] == [odd]])
' "$scratch/out.yaml" "$odd" 2>&1 | tail -n 1)
	expect odd_values_stay_what_they_are "$got" '^\[True, True, 1, True, True, True, True\]$'
else
	fail odd_values_stay_what_they_are "$(cat "$scratch/error")"
fi
# And everything odd in the place of each value.
python=python3
[ -z "$validator" ] || python=$venv/bin/python
said=$("$python" deploy/helm/hostile.py "$helm" "$chart" "$scratch/full.yaml" "${HOSTILE_CASES:-600}" 2>&1)
expect odd_values_are_refused_or_harmless "wrong: $(sed '$d' <<<"$said" | head -n 3); $(tail -n 1 <<<"$said")" \
	'^wrong: ; [0-9]+ tried: [1-9][0-9]* refused, [1-9][0-9]* rendered'
long=$(printf 'r%.0s' {1..53})
"$helm" template "$long" "$chart" -f "$scratch/full.yaml" >"$scratch/out.yaml" 2>"$scratch/error" || fail renders_long_names "$(cat "$scratch/error")"
expect names_are_short_enough "too long: $(sed -n 's/^  name: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$scratch/out.yaml" | awk 'length > 63')" '^too long: $'
expect jobs_names_are_short_enough "too long: $(sed -n '/^kind: CronJob/,/^spec/s/^  name: //p' "$scratch/out.yaml" | awk 'length > 52')" '^too long: $'

# One version, whoever says it.
version=$(cat VERSION)
expect chart_is_of_this_version "$(grep -E '^(appVersion|version): ' "$chart/Chart.yaml")" "^version: $version\$" "^appVersion: $version\$"

if [ -x "$cache/bin/helm-unittest" ]; then
	if "$cache/bin/helm-unittest" "$chart" -f '../unit/*_test.yaml' >"$scratch/unit" 2>&1; then
		expect unit_tests "$(grep '^Tests:' "$scratch/unit")" '[0-9]+ passed, [0-9]+ total'
	else
		fail unit_tests "$(grep -A 12 '^	- ' "$scratch/unit" | head -n 30)"
	fi
else
	skip unit_tests "no helm-unittest: make k8s-tools"
fi

# The alerts are PromQL, of metrics that there are, and say what they should to numbers as they come.
render "$scratch/rule.yaml" --kube-version 1.34 --set metrics.prometheusRule.enabled=true -s templates/prometheusrule.yaml
unknown=$(grep -o 'weir_[a-z0-9_]*' "$scratch/rule.yaml" | sort -u | while read -r metric; do
	grep -q "\`$metric\`" docs/METRICS.md || echo "$metric"
done | tr '\n' ' ')
expect alerts_are_of_metrics_that_there_are "unknown: $unknown" '^unknown: $'
if command -v promtool >/dev/null; then
	sed -n '/^  groups:/,$s/^  //p' "$scratch/rule.yaml" >"$scratch/rules.yaml"
	cp deploy/helm/alerts_test.yaml "$scratch/"
	if said=$(promtool check rules "$scratch/rules.yaml" 2>&1 && promtool test rules "$scratch/alerts_test.yaml" 2>&1); then
		expect alerts_say_what_they_should "$said" SUCCESS
	else
		fail alerts_say_what_they_should "$said"
	fi
else
	skip alerts_say_what_they_should "no promtool: apt-get install prometheus"
fi

[ "${1:-}" != chart ] || finish

# A real API server, controllers and scheduler; nodes and the running of pods are simulated by kwok.
for tool in kube-apiserver kube-controller-manager kube-scheduler kubectl kwok; do
	if [ ! -x "$cache/bin/$tool" ]; then
		skip cluster "no $tool in $cache/bin (make k8s-tools): install, upgrade and rollback are not tried"
		finish
	fi
done
if ! command -v etcd >/dev/null; then
	skip cluster "no etcd: apt-get install etcd-server"
	finish
fi
cluster=$scratch/cluster
trap 'deploy/helm/cluster.sh stop "$cluster"; cleanup' EXIT
if ! said=$(deploy/helm/cluster.sh start "$cluster" 3 2>&1); then
	fail cluster_starts "$(tail -n 3 <<<"$said"); $(tail -n 2 "$cluster/apiserver.log")"
	finish
fi
pass cluster_starts
kubectl() { "$cache/bin/kubectl" --kubeconfig "$cluster/kubeconfig" "$@"; }
in_cluster() { "$helm" --kubeconfig "$cluster/kubeconfig" --namespace flows "$@"; }
kubectl create namespace flows >/dev/null
# Kinds of others that the chart renders objects of.
for kind in PodMonitor PrometheusRule; do
	printf '%s\n' 'apiVersion: apiextensions.k8s.io/v1' 'kind: CustomResourceDefinition' \
		"metadata: {name: ${kind,,}s.monitoring.coreos.com}" 'spec:' '  group: monitoring.coreos.com' '  scope: Namespaced' \
		"  names: {kind: $kind, plural: ${kind,,}s}" '  versions:' \
		'    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}'
	echo ---
done | kubectl apply -f - >/dev/null
for out in default.yaml full.out; do
	if said=$(kubectl apply --dry-run=server --validate=strict --namespace flows -f "$scratch/$out" 2>&1); then
		pass "server_takes_${out%.*}"
	else
		fail "server_takes_${out%.*}" "$(grep -v ' created ' <<<"$said" | head -n 5)"
	fi
done

# What of the odd values the chart lets pass, the server takes.
if [ -n "$validator" ]; then
	said=$(KUBECTL="$cache/bin/kubectl --kubeconfig $cluster/kubeconfig" "$python" deploy/helm/hostile.py "$helm" "$chart" \
		"$scratch/full.yaml" "${SERVER_CASES:-3000}" 2>&1)
	expect server_takes_what_is_not_refused "wrong: $(sed '$d' <<<"$said" | head -n 3); $(tail -n 1 <<<"$said")" \
		'^wrong: ; [0-9]+ tried: [1-9][0-9]* refused, [1-9][0-9]* rendered'
fi

# Waits until every node runs a pod of the settings in force.
rolled_out() {
	kubectl -n flows rollout status daemonset/collector-weir --timeout=60s >"$scratch/rollout" 2>&1
}
pods() { # JSONPATH, once a pod
	kubectl -n flows get pods -l app.kubernetes.io/component=agent -o jsonpath="{range .items[*]}$1{'\n'}{end}" | sort | uniq -c | sed 's/^ *//'
}
kubectl label node node-3 weir- >/dev/null
said=$(in_cluster install collector "$chart" --set-string nodeSelector.weir=true --set 'settings.interfaces={eth0}' --set minReadySeconds=1 2>&1) ||
	fail installs "$(tail -n 3 <<<"$said")"
rolled_out || fail installs "$(cat "$scratch/rollout")"
expect installs "$(pods '{.spec.hostNetwork} {.status.phase}')" '^2 true Running$'
first=$(pods "{.metadata.annotations.checksum/settings}")
kubectl label node node-3 weir=true >/dev/null
await 60 eval '[ "$(pods "{.status.phase}")" = "3 Running" ]'
expect takes_a_new_node "$(pods '{.status.phase}')" '^3 Running$'
said=$(in_cluster upgrade collector "$chart" --reuse-values --set 'settings.interfaces={eth0,eth1}' \
	--set podDisruptionBudget.enabled=true 2>&1) || fail upgrades "$(tail -n 3 <<<"$said")"
rolled_out || fail upgrades "$(cat "$scratch/rollout")"
second=$(pods "{.metadata.annotations.checksum/settings}")
expect upgrades "$(pods '{.status.phase}') $([ "$first" != "$second" ] && echo new) $(kubectl -n flows get pdb -o name)" \
	'^3 Running new poddisruptionbudget'
expect keeps_the_pins_over_an_upgrade "$(kubectl -n flows get configmap collector-weir -o jsonpath='{.data.weir\.yaml}')" \
	'keep_attached: true' 'pin_path: /sys/fs/bpf/weir'
said=$(in_cluster rollback collector 1 2>&1) || fail rolls_back "$said"
rolled_out || fail rolls_back "$(cat "$scratch/rollout")"
expect rolls_back "$([ "$(pods "{.metadata.annotations.checksum/settings}" | cut -d' ' -f2)" = "$(cut -d' ' -f2 <<<"$first")" ] && echo same) \
$(kubectl -n flows get pdb -o name) $(in_cluster history collector -o json | jq -r '.[-1].description')" '^same  Rollback to 1$'
# Nothing runs here that could end; that the server takes the test of the release is what can be seen.
expect test_of_the_release_is_taken "$(in_cluster get hooks collector | kubectl apply --dry-run=server --validate=strict -n flows -f - 2>&1)" \
	'^pod/collector-weir-test created'
said=$(in_cluster uninstall collector --wait 2>&1)
expect uninstalls "$said; left: $(kubectl -n flows get daemonsets,configmaps,serviceaccounts,pods -l app.kubernetes.io/instance=collector -o name | tr '\n' ' ')" 'left: $'
finish
