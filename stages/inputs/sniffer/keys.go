package sniffer

import "gambolputty/actor/event"

// The fields of packets.
var (
	protocolsKey             = event.Intern("protocols")
	sizeKey                  = event.Intern("packet_size")
	sourceMACKey             = event.Intern("source_mac")
	destinationMACKey        = event.Intern("destination_mac")
	etherKey                 = event.Intern("ethertype")
	vlanKey                  = event.Intern("vlan_id")
	versionKey               = event.Intern("version")
	ttlKey                   = event.Intern("ttl")
	sourceKey                = event.Intern("source")
	destinationKey           = event.Intern("destination")
	sourcePortKey            = event.Intern("source_port")
	destinationPortKey       = event.Intern("destination_port")
	sequenceKey              = event.Intern("sequence_number")
	ackKey                   = event.Intern("ack")
	flagsKey                 = event.Intern("tcp_ctrl_flags")
	icmpTypeKey              = event.Intern("icmp_type")
	icmpCodeKey              = event.Intern("icmp_code")
	flowKey                  = event.Intern("flow_id")
	methodKey                = event.Intern("http_method")
	urlKey                   = event.Intern("url")
	headersKey               = event.Intern("http_headers")
	errorKey                 = event.Intern("decode_error")
	lumberSourceKey          = event.Intern("s_ip")
	lumberDestinationKey     = event.Intern("d_ip")
	lumberSourcePortKey      = event.Intern("s_port")
	lumberDestinationPortKey = event.Intern("d_port")
)
