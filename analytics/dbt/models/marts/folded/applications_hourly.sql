-- Ports and applications, by the hour. SPDX-License-Identifier: Apache-2.0
{{ applications('hour') }}
