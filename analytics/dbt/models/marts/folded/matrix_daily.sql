-- From whom to whom, by the day. SPDX-License-Identifier: Apache-2.0
{{ matrix('day') }}
