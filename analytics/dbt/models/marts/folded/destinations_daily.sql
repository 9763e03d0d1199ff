-- Where traffic goes, by the day. SPDX-License-Identifier: Apache-2.0
{{ destinations('day') }}
