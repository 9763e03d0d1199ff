-- Dictionaries over the metadata, as of its latest versions.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${database}.meta_application_dict

CREATE OR REPLACE DICTIONARY ${database}.meta_as_dict ${on_cluster}
(
    id UInt64,
    ref String,
    name String,
    organization_id String,
    organization_ref Nullable(String)
)
PRIMARY KEY id
SOURCE(CLICKHOUSE(${dictionary_login}QUERY
    'SELECT toUInt64OrZero(id) AS id, argMax(m.ref, (m.insert_time, length(m.ref), m.ref)) AS ref,
        argMax(m.name, (m.insert_time, length(m.ref), m.ref)) AS name,
        argMax(m.organization_id, (m.insert_time, length(m.ref), m.ref)) AS organization_id,
        argMax(m.organization_ref, (m.insert_time, length(m.ref), m.ref)) AS organization_ref
    FROM ${database}.meta_as AS m GROUP BY id'))
LAYOUT(HASHED())
LIFETIME(MIN 300 MAX 600);

-- Protocol in lower case ("tcp") and a port to the application; where ranges overlap, the one that
-- begins last, which is the narrower one of nested ranges.
CREATE OR REPLACE DICTIONARY ${database}.meta_application_dict ${on_cluster}
(
    protocol String,
    port_range_min UInt16,
    port_range_max UInt16,
    id String
)
PRIMARY KEY protocol
SOURCE(CLICKHOUSE(${dictionary_login}QUERY
    'SELECT lower(protocol) AS protocol, port_range_min, port_range_max, id
    FROM ${database}.meta_application FINAL'))
LAYOUT(COMPLEX_KEY_RANGE_HASHED(range_lookup_strategy 'max'))
RANGE(MIN port_range_min MAX port_range_max)
LIFETIME(MIN 300 MAX 600);
