-- From whom to whom, by the hour. SPDX-License-Identifier: Apache-2.0
{{ matrix('hour') }}
