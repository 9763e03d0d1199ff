# Deployment: what is tested of it beside tests/deploy.
# SPDX-License-Identifier: Apache-2.0

## make test-k8s      the Helm chart; skips what is not installed
test-k8s: all
	$(Q)BUILD=$(BUILD) deploy/helm/test.sh

.PHONY: deb test-k8s
