-- Who sends and who receives, by the hour. SPDX-License-Identifier: Apache-2.0
{{ talkers('hour') }}
