-- Dictionaries over the metadata, as of its latest versions.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${database}.meta_interface_dict
--
-- Of versions with one insert_time the greatest is the last: __v10 comes after __v9.

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
        argMax(tuple(m.organization_ref), (m.insert_time, length(m.ref), m.ref)).1 AS organization_ref
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

-- An exporter's address and an interface number to the interface; an edge interface comes first.
CREATE OR REPLACE DICTIONARY ${database}.meta_interface_dict ${on_cluster}
(
    address String,
    flow_index UInt32,
    id String,
    ref String,
    device_id String,
    edge Bool,
    name String,
    description String,
    speed UInt64
)
PRIMARY KEY address, flow_index
SOURCE(CLICKHOUSE(${dictionary_login}QUERY
    'WITH devices AS
    (
        SELECT id, argMax(loopback_ip, (d.insert_time, length(d.ref), d.ref)) AS loopbacks,
            argMax(management_ip, (d.insert_time, length(d.ref), d.ref)) AS managements
        FROM ${database}.meta_device AS d GROUP BY id
    ),
    addresses AS
    (
        SELECT id, replaceOne(toString(arrayJoin(arrayConcat(loopbacks, managements))), ''::ffff:'', '''') AS address
        FROM devices
        UNION DISTINCT SELECT DISTINCT device_id, device_id FROM ${database}.meta_interface
    ),
    interfaces AS
    (
        SELECT id, argMax((m.ref, m.device_id, m.edge, m.name, ifNull(m.description, ''''), ifNull(m.speed, 0), m.flow_index),
            (m.insert_time, length(m.ref), m.ref)) AS last
        FROM ${database}.meta_interface AS m GROUP BY id
    )
    SELECT a.address AS address, assumeNotNull(last.7) AS flow_index,
        argMax(interfaces.id, (last.3, interfaces.id)) AS id, argMax(last.1, (last.3, interfaces.id)) AS ref,
        argMax(last.2, (last.3, interfaces.id)) AS device_id, max(last.3) AS edge,
        argMax(last.4, (last.3, interfaces.id)) AS name, argMax(last.5, (last.3, interfaces.id)) AS description,
        argMax(last.6, (last.3, interfaces.id)) AS speed
    FROM interfaces JOIN addresses AS a ON a.id = last.2
    WHERE last.7 IS NOT NULL
    GROUP BY address, flow_index'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 300 MAX 600);
