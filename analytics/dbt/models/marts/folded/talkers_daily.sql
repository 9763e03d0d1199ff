-- Who sends and who receives, by the day. SPDX-License-Identifier: Apache-2.0
{{ talkers('day') }}
