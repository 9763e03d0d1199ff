-- Names of numbers, as the JSON form of a flow has them; nothing is created here.
-- SPDX-License-Identifier: Apache-2.0

--@ set protocol_numbers
[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17, 20, 22, 27, 28, 29, 33, 36, 41, 43, 44, 45, 46, 47, 48, 50,
        51, 54, 55, 57, 58, 59, 60, 73, 80, 81, 88, 89, 94, 97, 98, 103, 108, 112, 113, 115, 118,
        121, 124, 132, 133, 135, 136, 137, 138, 139, 140, 141, 142, 143, 145]
--@ end
--@ set protocol_names
['HOPOPT', 'ICMP', 'IGMP', 'GGP', 'IPv4', 'ST', 'TCP', 'CBT', 'EGP', 'IGP', 'PUP', 'UDP', 'HMP',
        'XNS-IDP', 'RDP', 'IRTP', 'ISO-TP4', 'DCCP', 'XTP', 'IPv6', 'IPv6-Route', 'IPv6-Frag',
        'IDRP', 'RSVP', 'GRE', 'DSR', 'ESP', 'AH', 'NARP', 'Min-IPv4', 'SKIP', 'ICMPv6',
        'IPv6-NoNxt', 'IPv6-Opts', 'CPHB', 'ISO-IP', 'VMTP', 'EIGRP', 'OSPF', 'IPIP', 'ETHERIP',
        'ENCAP', 'PIM', 'IPComp', 'VRRP', 'PGM', 'L2TP', 'STP', 'SMP', 'ISIS', 'SCTP', 'FC',
        'Mobility', 'UDPLite', 'MPLS-in-IP', 'manet', 'HIP', 'Shim6', 'WESP', 'ROHC', 'Ethernet',
        'NSH']
--@ end
--@ set etype_numbers
[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x8848, 0x8863, 0x8864, 0x88cc, 0x8809, 0x88e5,
        0x888e]
--@ end
--@ set etype_names
['IPv4', 'IPv6', 'ARP', '802.1Q', '802.1ad', 'MPLS', 'MPLS-multicast', 'PPPoE-discovery', 'PPPoE',
        'LLDP', 'Slow', 'MACsec', '802.1X']
--@ end

-- Of the Kafka tables. A message without our header is known by its place.
--@ set kafka_batch_id
ifNull(nullIf(arrayElement(_headers.value, indexOf(_headers.name, 'weir.batch')), ''),
        concat(toString(_partition), '@', toString(_offset)))
--@ end
--@ set kafka_time
ifNull(_timestamp_ms, now64(3))
--@ end
--@ set kafka_settings
kafka_broker_list = '${kafka_brokers}',
    kafka_num_consumers = ${kafka_consumers},
    kafka_thread_per_consumer = 1,
    kafka_handle_error_mode = 'stream',
    kafka_max_block_size = ${kafka_block_rows},
    kafka_flush_interval_ms = ${kafka_flush_ms}
--@ end
--@ set protobuf_schema
--@ if schema_file
kafka_schema = '${schema_file}'
--@ else
kafka_schema = '',
    format_schema_source = 'string',
    format_schema_message_name = 'Flow',
    format_schema = '${flow_proto}'
--@ end
--@ end
--@ set counter_schema
--@ if schema_file
kafka_schema = '${counter_schema_file}'
--@ else
kafka_schema = '',
    format_schema_source = 'string',
    format_schema_message_name = 'CounterSample',
    format_schema = '${flow_proto}'
--@ end
--@ end
