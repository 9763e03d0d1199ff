#!/bin/bash
# Metadata of so many devices with 16 interfaces each, as `weir load trie` would leave it.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/bench/meta.sh DEVICES >meta.json     addresses from 10.9.0.10 on, ifIndex 500 to 515
awk -v n="${1:-16}" 'BEGIN {
	printf "{\"version\":1,\"devices\":["
	for (d = 0; d < n; d++) {
		a = 10 + d
		printf "%s{\"id\":\"rt-%d\",\"ref\":\"rt-%d__v1\",\"name\":\"rt-%d.example.net\",\"addresses\":[\"10.9.%d.%d\"]}", \
			d ? "," : "", d, d, d, int(a / 256), a % 256
	}
	printf "],\"interfaces\":["
	for (d = 0; d < n; d++)
		for (i = 500; i < 516; i++)
			printf "%s{\"device_id\":\"rt-%d\",\"flow_index\":%d,\"id\":\"rt-%d::et-0/0/%d\",\"ref\":\"rt-%d::et-0/0/%d__v1\",\"name\":\"et-0/0/%d\",\"edge\":%s}", \
				(d || i > 500) ? "," : "", d, i, d, i, d, i, i, (i % 2) ? "true" : "false"
	print "],\"applications\":[{\"id\":\"https\",\"protocol\":6,\"port_min\":443,\"port_max\":443}],\"communities\":{},\"as\":[]}"
}'
