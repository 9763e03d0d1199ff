-- Ports and applications, by the day. SPDX-License-Identifier: Apache-2.0
{{ applications('day') }}
