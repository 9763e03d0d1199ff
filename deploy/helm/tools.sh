#!/bin/bash
# Builds what tests of the chart run with, from the Go module proxy: helm, helm-unittest, kubectl, an
# API server with controllers and scheduler, kwok for nodes that are not there.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/helm/tools.sh chart    helm and helm-unittest: a few minutes
#        deploy/helm/tools.sh          all of them: a quarter of an hour and 6 GB of disk meanwhile; leaves
#                                      480 MB in ~/.cache/weir/bin
#
# Needs Go 1.24 or newer.
#
# A tool that is there is not built again. The caches of Go are its own, and gone at the end.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
bin=$cache/bin
helm_version=v3.22.0
unittest_version=v1.1.2
kubernetes_version=v1.34.2
kwok_version=v0.7.0

command -v go >/dev/null || { echo "$0: no Go here: https://go.dev/dl" >&2; exit 1; }
mkdir -p "$bin"
exec 9>"$bin/.lock"
flock 9
work=$(mktemp -d "${TMPDIR:-/var/tmp}/weir-tools-XXXXXX")
trap 'rm -rf "$work"' EXIT
export GOMODCACHE=$work/mod GOCACHE=$work/cache GOFLAGS='-modcacherw -trimpath' CGO_ENABLED=0 GOWORK=off
export GOTOOLCHAIN=local

say() { printf '  %-7s %s\n' "$1" "$2" >&2; }

# The source of a module, where it may be written to.
source_of() { # MODULE@VERSION DIRECTORY
	go mod download "$1"
	cp -r "$GOMODCACHE/$1" "$2"
	chmod -R u+w "$2"
}

build() { # DIRECTORY PACKAGE NAME [LDFLAGS]
	say GO "$3"
	(cd "$1" && nice go build -mod=mod -ldflags "-s -w ${4:-}" -o "$bin/$3.tmp" "$2")
	mv "$bin/$3.tmp" "$bin/$3"
}

if [ ! -x "$bin/helm" ]; then
	source_of "helm.sh/helm/v3@$helm_version" "$work/helm"
	build "$work/helm" ./cmd/helm helm "-X helm.sh/helm/v3/internal/version.version=$helm_version \
		-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34"
fi
if [ ! -x "$bin/helm-unittest" ]; then
	source_of "github.com/helm-unittest/helm-unittest@$unittest_version" "$work/unittest"
	build "$work/unittest" ./cmd/helm-unittest helm-unittest
fi
rm -rf "$work/mod" "$work/cache"
[ "${1:-all}" = all ] || exit 0

# Kubernetes refers to its own parts by directories that its module does not hold: say versions instead.
missing=
for name in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
	[ -x "$bin/$name" ] || missing="$missing $name"
done
if [ -n "$missing" ]; then
	source_of "k8s.io/kubernetes@$kubernetes_version" "$work/kubernetes"
	rm -rf "$work/kubernetes/vendor"
	sed -i "s|=> \./staging/src/\(.*\)|=> \1 ${kubernetes_version/v1./v0.}|" "$work/kubernetes/go.mod"
	version="-X k8s.io/component-base/version.gitVersion=$kubernetes_version \
		-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
	for name in $missing; do
		build "$work/kubernetes" "./cmd/$name" "$name" "$version"
	done
	rm -rf "$work/mod" "$work/cache"
fi
if [ ! -x "$bin/kwok" ]; then
	source_of "sigs.k8s.io/kwok@$kwok_version" "$work/kwok"
	build "$work/kwok" ./cmd/kwok kwok
fi
say DONE "$(du -sh "$bin" | cut -f1) in $bin"
