-- Where traffic goes, by the hour. SPDX-License-Identifier: Apache-2.0
{{ destinations('hour') }}
