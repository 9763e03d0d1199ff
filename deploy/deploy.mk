# Deployment: the image, and what is tested of all this beside tests/deploy.
# SPDX-License-Identifier: Apache-2.0

## make image         the container image as an OCI directory in $(BUILD) (buildah)
image: all
	$(Q)tests/setup.sh oci
	$(Q)deploy/docker/build.sh $(BUILD) $(BUILD)/image:$(VERSION)

## make test-image    build it twice, run it under runc with the chart's capabilities (root)
test-image:
	$(Q)tests/setup.sh build demo oci
	$(Q)$(MAKE) -j$(JOBS) all $(BUILD)/tests/send_load
	$(Q)BUILD=$(BUILD) deploy/docker/test.sh

## make test-containerfile  the same of both stages of the Containerfile, on a Debian by debootstrap
test-containerfile:
	$(Q)tests/setup.sh build demo oci debootstrap
	$(Q)$(MAKE) -j$(JOBS) all $(BUILD)/tests/send_load
	$(Q)BUILD=$(BUILD) deploy/docker/test.sh whole

## make test-chart    the Helm chart without a cluster; builds helm and helm-unittest where there are none (Go)
test-chart:
	$(Q)tests/setup.sh build chart
	$(Q)$(MAKE) -j$(JOBS) all
	$(Q)deploy/helm/tools.sh chart || true
	$(Q)BUILD=$(BUILD) deploy/helm/test.sh chart

## make k8s-tools     helm, helm-unittest, an API server, kwok: from source (Go), a quarter of an hour
k8s-tools:
	$(Q)tests/setup.sh k8s
	$(Q)deploy/helm/tools.sh

## make test-k8s      the chart, and on a real API server; skips what make k8s-tools has not built
test-k8s:
	$(Q)tests/setup.sh build k8s
	$(Q)$(MAKE) -j$(JOBS) all
	$(Q)BUILD=$(BUILD) deploy/helm/test.sh

.PHONY: deb image test-image test-containerfile test-chart k8s-tools test-k8s
