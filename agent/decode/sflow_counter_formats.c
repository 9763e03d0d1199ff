/* The table of sFlow counter record formats.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_counters.h"

#define FORMAT(number, name, fields)                                       \
	{                                                                  \
		number, name, fields, sizeof(fields) / sizeof((fields)[0]) \
	}

static const struct sflow_counter_field if_counters[] = {
	{"ifIndex", SFLOW_U32},
	{"ifType", SFLOW_U32},
	{"ifSpeed", SFLOW_U64},
	{"ifDirection", SFLOW_U32},
	{"ifStatus", SFLOW_U32},
	{"ifInOctets", SFLOW_U64},
	{"ifInUcastPkts", SFLOW_U32},
	{"ifInMulticastPkts", SFLOW_U32},
	{"ifInBroadcastPkts", SFLOW_U32},
	{"ifInDiscards", SFLOW_U32},
	{"ifInErrors", SFLOW_U32},
	{"ifInUnknownProtos", SFLOW_U32},
	{"ifOutOctets", SFLOW_U64},
	{"ifOutUcastPkts", SFLOW_U32},
	{"ifOutMulticastPkts", SFLOW_U32},
	{"ifOutBroadcastPkts", SFLOW_U32},
	{"ifOutDiscards", SFLOW_U32},
	{"ifOutErrors", SFLOW_U32},
	{"ifPromiscuousMode", SFLOW_U32},
};

static const struct sflow_counter_field ethernet[] = {
	{"dot3StatsAlignmentErrors", SFLOW_U32},
	{"dot3StatsFCSErrors", SFLOW_U32},
	{"dot3StatsSingleCollisionFrames", SFLOW_U32},
	{"dot3StatsMultipleCollisionFrames", SFLOW_U32},
	{"dot3StatsSQETestErrors", SFLOW_U32},
	{"dot3StatsDeferredTransmissions", SFLOW_U32},
	{"dot3StatsLateCollisions", SFLOW_U32},
	{"dot3StatsExcessiveCollisions", SFLOW_U32},
	{"dot3StatsInternalMacTransmitErrors", SFLOW_U32},
	{"dot3StatsCarrierSenseErrors", SFLOW_U32},
	{"dot3StatsFrameTooLongs", SFLOW_U32},
	{"dot3StatsInternalMacReceiveErrors", SFLOW_U32},
	{"dot3StatsSymbolErrors", SFLOW_U32},
};

static const struct sflow_counter_field tokenring[] = {
	{"dot5StatsLineErrors", SFLOW_U32},
	{"dot5StatsBurstErrors", SFLOW_U32},
	{"dot5StatsACErrors", SFLOW_U32},
	{"dot5StatsAbortTransErrors", SFLOW_U32},
	{"dot5StatsInternalErrors", SFLOW_U32},
	{"dot5StatsLostFrameErrors", SFLOW_U32},
	{"dot5StatsReceiveCongestions", SFLOW_U32},
	{"dot5StatsFrameCopiedErrors", SFLOW_U32},
	{"dot5StatsTokenErrors", SFLOW_U32},
	{"dot5StatsSoftErrors", SFLOW_U32},
	{"dot5StatsHardErrors", SFLOW_U32},
	{"dot5StatsSignalLoss", SFLOW_U32},
	{"dot5StatsTransmitBeacons", SFLOW_U32},
	{"dot5StatsRecoverys", SFLOW_U32},
	{"dot5StatsLobeWires", SFLOW_U32},
	{"dot5StatsRemoves", SFLOW_U32},
	{"dot5StatsSingles", SFLOW_U32},
	{"dot5StatsFreqErrors", SFLOW_U32},
};

static const struct sflow_counter_field vg[] = {
	{"dot12InHighPriorityFrames", SFLOW_U32},
	{"dot12InHighPriorityOctets", SFLOW_U64},
	{"dot12InNormPriorityFrames", SFLOW_U32},
	{"dot12InNormPriorityOctets", SFLOW_U64},
	{"dot12InIPMErrors", SFLOW_U32},
	{"dot12InOversizeFrameErrors", SFLOW_U32},
	{"dot12InDataErrors", SFLOW_U32},
	{"dot12InNullAddressedFrames", SFLOW_U32},
	{"dot12OutHighPriorityFrames", SFLOW_U32},
	{"dot12OutHighPriorityOctets", SFLOW_U64},
	{"dot12TransitionIntoTrainings", SFLOW_U32},
	{"dot12HCInHighPriorityOctets", SFLOW_U64},
	{"dot12HCInNormPriorityOctets", SFLOW_U64},
	{"dot12HCOutHighPriorityOctets", SFLOW_U64},
};

static const struct sflow_counter_field vlan[] = {
	{"vlan_id", SFLOW_U32},	      {"octets", SFLOW_U64},	    {"ucastPkts", SFLOW_U32},
	{"multicastPkts", SFLOW_U32}, {"broadcastPkts", SFLOW_U32}, {"discards", SFLOW_U32},
};

static const struct sflow_counter_field ieee80211[] = {
	{"dot11TransmittedFragmentCount", SFLOW_U32},
	{"dot11MulticastTransmittedFrameCount", SFLOW_U32},
	{"dot11FailedCount", SFLOW_U32},
	{"dot11RetryCount", SFLOW_U32},
	{"dot11MultipleRetryCount", SFLOW_U32},
	{"dot11FrameDuplicateCount", SFLOW_U32},
	{"dot11RTSSuccessCount", SFLOW_U32},
	{"dot11RTSFailureCount", SFLOW_U32},
	{"dot11ACKFailureCount", SFLOW_U32},
	{"dot11ReceivedFragmentCount", SFLOW_U32},
	{"dot11MulticastReceivedFrameCount", SFLOW_U32},
	{"dot11FCSErrorCount", SFLOW_U32},
	{"dot11TransmittedFrameCount", SFLOW_U32},
	{"dot11WEPUndecryptableCount", SFLOW_U32},
	{"dot11QoSDiscardedFragmentCount", SFLOW_U32},
	{"dot11AssociatedStationCount", SFLOW_U32},
	{"dot11QoSCFPollsReceivedCount", SFLOW_U32},
	{"dot11QoSCFPollsUnusedCount", SFLOW_U32},
	{"dot11QoSCFPollsUnusableCount", SFLOW_U32},
	{"dot11QoSCFPollsLostCount", SFLOW_U32},
};

static const struct sflow_counter_field lag[] = {
	{"dot3adAggPortActorSystemID", SFLOW_MAC},
	{"dot3adAggPortPartnerOperSystemID", SFLOW_MAC},
	{"dot3adAggPortAttachedAggID", SFLOW_U32},
	{"dot3adAggPortActorAdminState", SFLOW_U8},
	{"dot3adAggPortActorOperState", SFLOW_U8},
	{"dot3adAggPortPartnerAdminState", SFLOW_U8},
	{"dot3adAggPortPartnerOperState", SFLOW_U8},
	{"dot3adAggPortStatsLACPDUsRx", SFLOW_U32},
	{"dot3adAggPortStatsMarkerPDUsRx", SFLOW_U32},
	{"dot3adAggPortStatsMarkerResponsePDUsRx", SFLOW_U32},
	{"dot3adAggPortStatsUnknownRx", SFLOW_U32},
	{"dot3adAggPortStatsIllegalRx", SFLOW_U32},
	{"dot3adAggPortStatsLACPDUsTx", SFLOW_U32},
	{"dot3adAggPortStatsMarkerPDUsTx", SFLOW_U32},
	{"dot3adAggPortStatsMarkerResponsePDUsTx", SFLOW_U32},
};

static const struct sflow_counter_field slow_path[] = {
	{"slow_path_unknown", SFLOW_U32},	{"slow_path_other", SFLOW_U32},
	{"slow_path_cam_miss", SFLOW_U32},	{"slow_path_cam_full", SFLOW_U32},
	{"slow_path_no_hw_support", SFLOW_U32}, {"slow_path_cntrl", SFLOW_U32},
};

static const struct sflow_counter_field sfp[] = {
	{"module_id", SFLOW_U32},
	{"module_num_lanes", SFLOW_U32},
	{"module_supply_voltage", SFLOW_U32},
	{"module_temperature", SFLOW_I32},
};

static const struct sflow_counter_field processor[] = {
	{"5s_cpu", SFLOW_U32},	     {"1m_cpu", SFLOW_U32},	 {"5m_cpu", SFLOW_U32},
	{"total_memory", SFLOW_U64}, {"free_memory", SFLOW_U64},
};

static const struct sflow_counter_field radio[] = {
	{"elapsed_time", SFLOW_U32},
	{"on_channel_time", SFLOW_U32},
	{"on_channel_busy_time", SFLOW_U32},
};

static const struct sflow_counter_field of_port[] = {
	{"datapath_id", SFLOW_HEX8},
	{"port_no", SFLOW_U32},
};

static const struct sflow_counter_field port_name[] = {
	{"port_name", SFLOW_TEXT},
};

static const struct sflow_counter_field host_descr[] = {
	{"hostname", SFLOW_TEXT}, {"uuid", SFLOW_HEX16},      {"machine_type", SFLOW_U32},
	{"os_name", SFLOW_U32},	  {"os_release", SFLOW_TEXT},
};

static const struct sflow_counter_field host_parent[] = {
	{"container_type", SFLOW_U32},
	{"container_index", SFLOW_U32},
};

static const struct sflow_counter_field host_cpu[] = {
	{"load_one", SFLOW_FLOAT},	{"load_five", SFLOW_FLOAT},
	{"load_fifteen", SFLOW_FLOAT},	{"proc_run", SFLOW_U32},
	{"proc_total", SFLOW_U32},	{"cpu_num", SFLOW_U32},
	{"cpu_speed", SFLOW_U32},	{"uptime", SFLOW_U32},
	{"cpu_user", SFLOW_U32},	{"cpu_nice", SFLOW_U32},
	{"cpu_system", SFLOW_U32},	{"cpu_idle", SFLOW_U32},
	{"cpu_wio", SFLOW_U32},		{"cpu_intr", SFLOW_U32},
	{"cpu_sintr", SFLOW_U32},	{"interrupts", SFLOW_U32},
	{"contexts", SFLOW_U32},	{"cpu_steal", SFLOW_U32_LATER},
	{"cpu_guest", SFLOW_U32_LATER}, {"cpu_guest_nice", SFLOW_U32_LATER},
};

static const struct sflow_counter_field host_memory[] = {
	{"mem_total", SFLOW_U64},   {"mem_free", SFLOW_U64},   {"mem_shared", SFLOW_U64},
	{"mem_buffers", SFLOW_U64}, {"mem_cached", SFLOW_U64}, {"swap_total", SFLOW_U64},
	{"swap_free", SFLOW_U64},   {"page_in", SFLOW_U32},    {"page_out", SFLOW_U32},
	{"swap_in", SFLOW_U32},	    {"swap_out", SFLOW_U32},
};

static const struct sflow_counter_field host_disk_io[] = {
	{"disk_total", SFLOW_U64}, {"disk_free", SFLOW_U64},	 {"part_max_used", SFLOW_U32},
	{"reads", SFLOW_U32},	   {"bytes_read", SFLOW_U64},	 {"read_time", SFLOW_U32},
	{"writes", SFLOW_U32},	   {"bytes_written", SFLOW_U64}, {"write_time", SFLOW_U32},
};

static const struct sflow_counter_field host_net_io[] = {
	{"bytes_in", SFLOW_U64}, {"packets_in", SFLOW_U32}, {"errs_in", SFLOW_U32},
	{"drops_in", SFLOW_U32}, {"bytes_out", SFLOW_U64},  {"packets_out", SFLOW_U32},
	{"errs_out", SFLOW_U32}, {"drops_out", SFLOW_U32},
};

static const struct sflow_counter_field mib2_ip[] = {
	{"ipForwarding", SFLOW_U32},	  {"ipDefaultTTL", SFLOW_U32},
	{"ipInReceives", SFLOW_U32},	  {"ipInHdrErrors", SFLOW_U32},
	{"ipInAddrErrors", SFLOW_U32},	  {"ipForwDatagrams", SFLOW_U32},
	{"ipInUnknownProtos", SFLOW_U32}, {"ipInDiscards", SFLOW_U32},
	{"ipInDelivers", SFLOW_U32},	  {"ipOutRequests", SFLOW_U32},
	{"ipOutDiscards", SFLOW_U32},	  {"ipOutNoRoutes", SFLOW_U32},
	{"ipReasmTimeout", SFLOW_U32},	  {"ipReasmReqds", SFLOW_U32},
	{"ipReasmOKs", SFLOW_U32},	  {"ipReasmFails", SFLOW_U32},
	{"ipFragOKs", SFLOW_U32},	  {"ipFragFails", SFLOW_U32},
	{"ipFragCreates", SFLOW_U32},
};

static const struct sflow_counter_field mib2_icmp[] = {
	{"icmpInMsgs", SFLOW_U32},	     {"icmpInErrors", SFLOW_U32},
	{"icmpInDestUnreachs", SFLOW_U32},   {"icmpInTimeExcds", SFLOW_U32},
	{"icmpInParamProbs", SFLOW_U32},     {"icmpInSrcQuenchs", SFLOW_U32},
	{"icmpInRedirects", SFLOW_U32},	     {"icmpInEchos", SFLOW_U32},
	{"icmpInEchoReps", SFLOW_U32},	     {"icmpInTimestamps", SFLOW_U32},
	{"icmpInAddrMasks", SFLOW_U32},	     {"icmpInAddrMaskReps", SFLOW_U32},
	{"icmpOutMsgs", SFLOW_U32},	     {"icmpOutErrors", SFLOW_U32},
	{"icmpOutDestUnreachs", SFLOW_U32},  {"icmpOutTimeExcds", SFLOW_U32},
	{"icmpOutParamProbs", SFLOW_U32},    {"icmpOutSrcQuenchs", SFLOW_U32},
	{"icmpOutRedirects", SFLOW_U32},     {"icmpOutEchos", SFLOW_U32},
	{"icmpOutEchoReps", SFLOW_U32},	     {"icmpOutTimestamps", SFLOW_U32},
	{"icmpOutTimestampReps", SFLOW_U32}, {"icmpOutAddrMasks", SFLOW_U32},
	{"icmpOutAddrMaskReps", SFLOW_U32},
};

static const struct sflow_counter_field mib2_tcp[] = {
	{"tcpRtoAlgorithm", SFLOW_U32}, {"tcpRtoMin", SFLOW_U32},
	{"tcpRtoMax", SFLOW_U32},	{"tcpMaxConn", SFLOW_U32},
	{"tcpActiveOpens", SFLOW_U32},	{"tcpPassiveOpens", SFLOW_U32},
	{"tcpAttemptFails", SFLOW_U32}, {"tcpEstabResets", SFLOW_U32},
	{"tcpCurrEstab", SFLOW_U32},	{"tcpInSegs", SFLOW_U32},
	{"tcpOutSegs", SFLOW_U32},	{"tcpRetransSegs", SFLOW_U32},
	{"tcpInErrs", SFLOW_U32},	{"tcpOutRsts", SFLOW_U32},
	{"tcpInCsumErrs", SFLOW_U32},
};

static const struct sflow_counter_field mib2_udp[] = {
	{"udpInDatagrams", SFLOW_U32},	{"udpNoPorts", SFLOW_U32},
	{"udpInErrors", SFLOW_U32},	{"udpOutDatagrams", SFLOW_U32},
	{"udpRcvbufErrors", SFLOW_U32}, {"udpSndbufErrors", SFLOW_U32},
	{"udpInCsumErrors", SFLOW_U32},
};

static const struct sflow_counter_field virt_node[] = {
	{"vnode_mhz", SFLOW_U32},	  {"vnode_cpus", SFLOW_U32},
	{"vnode_memory", SFLOW_U64},	  {"vnode_memory_free", SFLOW_U64},
	{"vnode_num_domains", SFLOW_U32},
};

static const struct sflow_counter_field virt_cpu[] = {
	{"vcpu_state", SFLOW_U32},
	{"vcpu_cpuTime", SFLOW_U32},
	{"vcpu_nrVirtCpu", SFLOW_U32},
};

static const struct sflow_counter_field virt_memory[] = {
	{"vmem_memory", SFLOW_U64},
	{"vmem_maxMemory", SFLOW_U64},
};

static const struct sflow_counter_field virt_disk_io[] = {
	{"vdsk_capacity", SFLOW_U64}, {"vdsk_allocation", SFLOW_U64}, {"vdsk_available", SFLOW_U64},
	{"vdsk_rd_req", SFLOW_U32},   {"vdsk_rd_bytes", SFLOW_U64},   {"vdsk_wr_req", SFLOW_U32},
	{"vdsk_wr_bytes", SFLOW_U64}, {"vdsk_errs", SFLOW_U32},
};

static const struct sflow_counter_field virt_net_io[] = {
	{"vnio_rx_bytes", SFLOW_U64}, {"vnio_rx_packets", SFLOW_U32},
	{"vnio_rx_errs", SFLOW_U32},  {"vnio_rx_drop", SFLOW_U32},
	{"vnio_tx_bytes", SFLOW_U64}, {"vnio_tx_packets", SFLOW_U32},
	{"vnio_tx_errs", SFLOW_U32},  {"vnio_tx_drop", SFLOW_U32},
};

static const struct sflow_counter_field jvm_runtime[] = {
	{"vm_name", SFLOW_TEXT},
	{"vm_vendor", SFLOW_TEXT},
	{"vm_version", SFLOW_TEXT},
};

static const struct sflow_counter_field jvm_statistics[] = {
	{"heap_initial", SFLOW_U64},	   {"heap_used", SFLOW_U64},
	{"heap_committed", SFLOW_U64},	   {"heap_max", SFLOW_U64},
	{"non_heap_initial", SFLOW_U64},   {"non_heap_used", SFLOW_U64},
	{"non_heap_committed", SFLOW_U64}, {"non_heap_max", SFLOW_U64},
	{"gc_count", SFLOW_U32},	   {"gc_time", SFLOW_U32},
	{"classes_loaded", SFLOW_U32},	   {"classes_total", SFLOW_U32},
	{"classes_unloaded", SFLOW_U32},   {"compilation_time", SFLOW_U32},
	{"thread_num_live", SFLOW_U32},	   {"thread_num_daemon", SFLOW_U32},
	{"thread_num_started", SFLOW_U32}, {"fd_open_count", SFLOW_U32},
	{"fd_max_count", SFLOW_U32},
};

static const struct sflow_counter_field http[] = {
	{"method_option_count", SFLOW_U32}, {"method_get_count", SFLOW_U32},
	{"method_head_count", SFLOW_U32},   {"method_post_count", SFLOW_U32},
	{"method_put_count", SFLOW_U32},    {"method_delete_count", SFLOW_U32},
	{"method_trace_count", SFLOW_U32},  {"method_connect_count", SFLOW_U32},
	{"method_other_count", SFLOW_U32},  {"status_1XX_count", SFLOW_U32},
	{"status_2XX_count", SFLOW_U32},    {"status_3XX_count", SFLOW_U32},
	{"status_4XX_count", SFLOW_U32},    {"status_5XX_count", SFLOW_U32},
	{"status_other_count", SFLOW_U32},
};

static const struct sflow_counter_field app_operations[] = {
	{"application", SFLOW_TEXT},	    {"app_success", SFLOW_U32},
	{"app_other", SFLOW_U32},	    {"app_timeout", SFLOW_U32},
	{"app_internal_error", SFLOW_U32},  {"app_bad_request", SFLOW_U32},
	{"app_forbidden", SFLOW_U32},	    {"app_too_large", SFLOW_U32},
	{"app_not_implemented", SFLOW_U32}, {"app_not_found", SFLOW_U32},
	{"app_unavailable", SFLOW_U32},	    {"app_unauthorized", SFLOW_U32},
};

static const struct sflow_counter_field app_resources[] = {
	{"app_user_time", SFLOW_U32}, {"app_system_time", SFLOW_U32}, {"app_mem_used", SFLOW_U64},
	{"app_mem_max", SFLOW_U64},   {"app_fd_open", SFLOW_U32},     {"app_fd_max", SFLOW_U32},
	{"app_conn_open", SFLOW_U32}, {"app_conn_max", SFLOW_U32},
};

static const struct sflow_counter_field memcache[] = {
	{"memcache_cmd_set", SFLOW_U32},
	{"memcache_cmd_touch", SFLOW_U32},
	{"memcache_cmd_flush", SFLOW_U32},
	{"memcache_get_hits", SFLOW_U32},
	{"memcache_get_misses", SFLOW_U32},
	{"memcache_delete_hits", SFLOW_U32},
	{"memcache_delete_misses", SFLOW_U32},
	{"memcache_incr_hits", SFLOW_U32},
	{"memcache_incr_misses", SFLOW_U32},
	{"memcache_decr_hits", SFLOW_U32},
	{"memcache_decr_misses", SFLOW_U32},
	{"memcache_cas_hits", SFLOW_U32},
	{"memcache_cas_misses", SFLOW_U32},
	{"memcache_cas_badval", SFLOW_U32},
	{"memcache_auth_cmds", SFLOW_U32},
	{"memcache_auth_errors", SFLOW_U32},
	{"memcache_threads", SFLOW_U32},
	{"memcache_conn_yields", SFLOW_U32},
	{"memcache_listen_disabled_num", SFLOW_U32},
	{"memcache_curr_connections", SFLOW_U32},
	{"memcache_rejected_connections", SFLOW_U32},
	{"memcache_total_connections", SFLOW_U32},
	{"memcache_connection_structures", SFLOW_U32},
	{"memcache_evictions", SFLOW_U32},
	{"memcache_reclaimed", SFLOW_U32},
	{"memcache_curr_items", SFLOW_U32},
	{"memcache_total_items", SFLOW_U32},
	{"memcache_bytes_read", SFLOW_U64},
	{"memcache_bytes_written", SFLOW_U64},
	{"memcache_bytes", SFLOW_U64},
	{"memcache_limit_maxbytes", SFLOW_U64},
};

static const struct sflow_counter_field app_workers[] = {
	{"workers_active", SFLOW_U32}, {"workers_idle", SFLOW_U32}, {"workers_max", SFLOW_U32},
	{"req_delayed", SFLOW_U32},    {"req_dropped", SFLOW_U32},
};

static const struct sflow_counter_field ovs_dp_stats[] = {
	{"dp_hits", SFLOW_U32},	     {"dp_misses", SFLOW_U32}, {"dp_lost", SFLOW_U32},
	{"dp_mask_hits", SFLOW_U32}, {"dp_flows", SFLOW_U32},  {"dp_masks", SFLOW_U32},
};

static const struct sflow_counter_field nvidia_gpu[] = {
	{"gpu_device_count", SFLOW_U32}, {"gpu_processes", SFLOW_U32},
	{"gpu_time", SFLOW_U32},	 {"gpu_mem_time", SFLOW_U32},
	{"gpu_mem_total", SFLOW_U64},	 {"gpu_mem_free", SFLOW_U64},
	{"gpu_ecc_errors", SFLOW_U32},	 {"gpu_energy", SFLOW_U32},
	{"gpu_temperature", SFLOW_U32},	 {"gpu_fan_speed", SFLOW_U32},
};

static const struct sflow_counter_field hw_tables[] = {
	{"bcm_host_entries", SFLOW_U32},	 {"bcm_host_entries_max", SFLOW_U32},
	{"bcm_ipv4_entries", SFLOW_U32},	 {"bcm_ipv4_entries_max", SFLOW_U32},
	{"bcm_ipv6_entries", SFLOW_U32},	 {"bcm_ipv6_entries_max", SFLOW_U32},
	{"bcm_ipv4_ipv6_entries", SFLOW_U32},	 {"bcm_ipv4_ipv6_entries_max", SFLOW_U32},
	{"bcm_long_ipv6_entries", SFLOW_U32},	 {"bcm_long_ipv6_entries_max", SFLOW_U32},
	{"bcm_total_routes", SFLOW_U32},	 {"bcm_total_routes_max", SFLOW_U32},
	{"bcm_ecmp_nexthops", SFLOW_U32},	 {"bcm_ecmp_nexthops_max", SFLOW_U32},
	{"bcm_mac_entries", SFLOW_U32},		 {"bcm_mac_entries_max", SFLOW_U32},
	{"bcm_ipv4_neighbors", SFLOW_U32},	 {"bcm_ipv6_neighbors", SFLOW_U32},
	{"bcm_ipv4_routes", SFLOW_U32},		 {"bcm_ipv6_routes", SFLOW_U32},
	{"bcm_acl_ingress_entries", SFLOW_U32},	 {"bcm_acl_ingress_entries_max", SFLOW_U32},
	{"bcm_acl_ingress_counters", SFLOW_U32}, {"bcm_acl_ingress_counters_max", SFLOW_U32},
	{"bcm_acl_ingress_meters", SFLOW_U32},	 {"bcm_acl_ingress_meters_max", SFLOW_U32},
	{"bcm_acl_ingress_slices", SFLOW_U32},	 {"bcm_acl_ingress_slices_max", SFLOW_U32},
	{"bcm_acl_egress_entries", SFLOW_U32},	 {"bcm_acl_egress_entries_max", SFLOW_U32},
	{"bcm_acl_egress_counters", SFLOW_U32},	 {"bcm_acl_egress_counters_max", SFLOW_U32},
	{"bcm_acl_egress_meters", SFLOW_U32},	 {"bcm_acl_egress_meters_max", SFLOW_U32},
	{"bcm_acl_egress_slices", SFLOW_U32},	 {"bcm_acl_egress_slices_max", SFLOW_U32},
};

/* Laser lanes of a pluggable module; no module has more than eight. Each lane has its own names,
 * since values of a sample are told apart by name only. */
#define LANE(n)                                                                                  \
	{"lane" #n "_index", SFLOW_U32}, {"lane" #n "_tx_bias_current", SFLOW_U32},              \
		{"lane" #n "_tx_power", SFLOW_U32}, {"lane" #n "_tx_power_min", SFLOW_U32},      \
		{"lane" #n "_tx_power_max", SFLOW_U32}, {"lane" #n "_tx_wavelength", SFLOW_U32}, \
		{"lane" #n "_rx_power", SFLOW_U32}, {"lane" #n "_rx_power_min", SFLOW_U32},      \
		{"lane" #n "_rx_power_max", SFLOW_U32},                                          \
	{                                                                                        \
		"lane" #n "_rx_wavelength", SFLOW_U32                                            \
	}

const struct sflow_counter_field sflow_lane_fields[SFLOW_LANES_MAX][SFLOW_LANE_FIELDS] = {
	{LANE(1)}, {LANE(2)}, {LANE(3)}, {LANE(4)}, {LANE(5)}, {LANE(6)}, {LANE(7)}, {LANE(8)},
};

#define ADAPTER(n)                                           \
	{                                                    \
		"adapter" #n "_ifIndex", "adapter" #n "_mac" \
	}

const char *const sflow_adapter_names[SFLOW_ADAPTERS_MAX][2] = {
	ADAPTER(1),  ADAPTER(2),  ADAPTER(3),  ADAPTER(4),  ADAPTER(5),	 ADAPTER(6),  ADAPTER(7),
	ADAPTER(8),  ADAPTER(9),  ADAPTER(10), ADAPTER(11), ADAPTER(12), ADAPTER(13), ADAPTER(14),
	ADAPTER(15), ADAPTER(16), ADAPTER(17), ADAPTER(18), ADAPTER(19), ADAPTER(20), ADAPTER(21),
	ADAPTER(22), ADAPTER(23), ADAPTER(24), ADAPTER(25), ADAPTER(26), ADAPTER(27), ADAPTER(28),
	ADAPTER(29), ADAPTER(30), ADAPTER(31), ADAPTER(32),
};

const struct sflow_counter_format sflow_counter_formats[] = {
	FORMAT(1, "if_counters", if_counters),
	FORMAT(2, "ethernet_counters", ethernet),
	FORMAT(3, "tokenring_counters", tokenring),
	FORMAT(4, "vg_counters", vg),
	FORMAT(5, "vlan_counters", vlan),
	FORMAT(6, "80211_counters", ieee80211),
	FORMAT(7, "lag_port_stats", lag),
	FORMAT(8, "slow_path_counts", slow_path),
	FORMAT(SFLOW_SFP, "sfp", sfp),
	FORMAT(1001, "processor", processor),
	FORMAT(1002, "radio_utilization", radio),
	FORMAT(1004, "of_port", of_port),
	FORMAT(1005, "port_name", port_name),
	FORMAT(2000, "host_descr", host_descr),
	{SFLOW_HOST_ADAPTERS, "host_adapters", NULL, 0},
	FORMAT(2002, "host_parent", host_parent),
	FORMAT(2003, "host_cpu", host_cpu),
	FORMAT(2004, "host_memory", host_memory),
	FORMAT(2005, "host_disk_io", host_disk_io),
	FORMAT(2006, "host_net_io", host_net_io),
	FORMAT(2007, "mib2_ip_group", mib2_ip),
	FORMAT(2008, "mib2_icmp_group", mib2_icmp),
	FORMAT(2009, "mib2_tcp_group", mib2_tcp),
	FORMAT(2010, "mib2_udp_group", mib2_udp),
	FORMAT(2100, "virt_node", virt_node),
	FORMAT(2101, "virt_cpu", virt_cpu),
	FORMAT(2102, "virt_memory", virt_memory),
	FORMAT(2103, "virt_disk_io", virt_disk_io),
	FORMAT(2104, "virt_net_io", virt_net_io),
	FORMAT(2105, "jvm_runtime", jvm_runtime),
	FORMAT(2106, "jvm_statistics", jvm_statistics),
	FORMAT(2201, "http_counters", http),
	FORMAT(2202, "app_operations", app_operations),
	FORMAT(2203, "app_resources", app_resources),
	FORMAT(2204, "memcache_counters", memcache),
	FORMAT(2206, "app_workers", app_workers),
	FORMAT(2207, "ovs_dp_stats", ovs_dp_stats),
	FORMAT(5703 << 12 | 1, "nvidia_gpu", nvidia_gpu),
	FORMAT(4413 << 12 | 3, "hw_tables", hw_tables),
};

const unsigned sflow_counter_formats_count = sizeof(sflow_counter_formats) /
					     sizeof(sflow_counter_formats[0]);
