-- Names of numbers, as the JSON form of a flow has them; nothing is created here.
-- SPDX-License-Identifier: Apache-2.0

--@ set protocol_numbers
range(146)
--@ end
--@ set protocol_names
['HOPOPT', 'ICMP', 'IGMP', 'GGP', 'IPv4', 'ST', 'TCP', 'CBT', 'EGP', 'IGP', 'BBN-RCC-MON',
        'NVP-II', 'PUP', 'ARGUS', 'EMCON', 'XNET', 'CHAOS', 'UDP', 'MUX', 'DCN-MEAS', 'HMP',
        'PRM', 'XNS-IDP', 'TRUNK-1', 'TRUNK-2', 'LEAF-1', 'LEAF-2', 'RDP', 'IRTP', 'ISO-TP4',
        'NETBLT', 'MFE-NSP', 'MERIT-INP', 'DCCP', '3PC', 'IDPR', 'XTP', 'DDP', 'IDPR-CMTP',
        'TP++', 'IL', 'IPv6', 'SDRP', 'IPv6-Route', 'IPv6-Frag', 'IDRP', 'RSVP', 'GRE', 'DSR',
        'BNA', 'ESP', 'AH', 'I-NLSP', 'SWIPE', 'NARP', 'Min-IPv4', 'TLSP', 'SKIP', 'IPv6-ICMP',
        'IPv6-NoNxt', 'IPv6-Opts', 'any-host-internal-protocol', 'CFTP', 'any-local-network',
        'SAT-EXPAK', 'KRYPTOLAN', 'RVD', 'IPPC', 'any-distributed-file-system', 'SAT-MON', 'VISA',
        'IPCV', 'CPNX', 'CPHB', 'WSN', 'PVP', 'BR-SAT-MON', 'SUN-ND', 'WB-MON', 'WB-EXPAK',
        'ISO-IP', 'VMTP', 'SECURE-VMTP', 'VINES', 'IPTM', 'NSFNET-IGP', 'DGP', 'TCF', 'EIGRP',
        'OSPFIGP', 'Sprite-RPC', 'LARP', 'MTP', 'AX.25', 'IPIP', 'MICP', 'SCC-SP', 'ETHERIP',
        'ENCAP', 'any-private-encryption-scheme', 'GMTP', 'IFMP', 'PNNI', 'PIM', 'ARIS', 'SCPS',
        'QNX', 'A/N', 'IPComp', 'SNP', 'Compaq-Peer', 'IPX-in-IP', 'VRRP', 'PGM',
        'any-0-hop-protocol', 'L2TP', 'DDX', 'IATP', 'STP', 'SRP', 'UTI', 'SMP', 'SM', 'PTP',
        'ISIS over IPv4', 'FIRE', 'CRTP', 'CRUDP', 'SSCOPMCE', 'IPLT', 'SPS', 'PIPE', 'SCTP',
        'FC', 'RSVP-E2E-IGNORE', 'Mobility Header', 'UDPLite', 'MPLS-in-IP', 'manet', 'HIP',
        'Shim6', 'WESP', 'ROHC', 'Ethernet', 'AGGFRAG', 'NSH']
--@ end
--@ set etype_numbers
[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x8848, 0x8863, 0x8864, 0x88cc, 0x8809, 0x88e5,
        0x888e]
--@ end
--@ set etype_names
['IPv4', 'IPv6', 'ARP', '802.1Q', '802.1ad', 'MPLS', 'MPLS-multicast', 'PPPoE-discovery', 'PPPoE',
        'LLDP', 'Slow', 'MACsec', '802.1X']
--@ end

-- Of the Kafka tables. A message without our header is known by its place, and by its time, since
-- the places of a topic that is made anew begin again.
--@ set kafka_batch_id
ifNull(nullIf(arrayElement(_headers.value, indexOf(_headers.name, 'weir.batch')), ''),
        concat(toString(_partition), '@', toString(_offset), '/',
            ifNull(toString(toUnixTimestamp64Milli(_timestamp_ms)), '')))
--@ end
-- Of the readable messages of a block (the table ${block}) the places where a batch stands again.
--@ set later_in_block
SELECT batch, tupleElement(later, 1), tupleElement(later, 2)
            FROM
            (
                SELECT batch, arrayJoin(arrayPopFront(arraySort(
                    groupUniqArray((kafka_partition, kafka_offset))))) AS later
                FROM ${block}
                WHERE error = ''
                GROUP BY batch
            )
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
