package redisconn

import (
	"net"
	"strconv"
	"strings"

	"github.com/gomodule/redigo/redis"
)

// slotCount is the number of slots that the keys of a cluster are spread over.
const slotCount = 16384

// Slot returns the slot of a key: that of the text in the first pair of braces, if there
// is any. See https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
func Slot(key string) int {
	if _, after, ok := strings.Cut(key, "{"); ok {
		if tag, _, closed := strings.Cut(after, "}"); closed && tag != "" {
			key = tag
		}
	}
	return int(crc16(key) % slotCount)
}

// crc16 is the checksum called XMODEM: polynomial 0x1021, most significant bit first.
func crc16(s string) uint16 {
	var crc uint16
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// slotRange are the slots from first to last, which one master has.
type slotRange struct {
	first, last int
	master      string
}

// parseSlots reads the reply of CLUSTER SLOTS from a node at the given address. What makes
// no sense is left out.
func parseSlots(reply any, from string) []slotRange {
	host, _, _ := net.SplitHostPort(from)
	var list []slotRange
	entries, _ := redis.Values(reply, nil)
	for _, e := range entries {
		fields, _ := redis.Values(e, nil)
		if len(fields) < 3 {
			continue
		}
		first, err1 := redis.Int(fields[0], nil)
		last, err2 := redis.Int(fields[1], nil)
		node, err3 := redis.Values(fields[2], nil)
		if err1 != nil || err2 != nil || err3 != nil || len(node) < 2 || first < 0 || last >= slotCount || first > last {
			continue
		}
		name, _ := redis.String(node[0], nil)
		if name == "" || name == "?" { // the node does not know by which name it was found
			name = host
		}
		port, err := redis.Int(node[1], nil)
		if err != nil || port <= 0 {
			continue
		}
		list = append(list, slotRange{first, last, net.JoinHostPort(name, strconv.Itoa(port))})
	}
	return list
}

// redirection takes a MOVED or ASK error apart. The address of the same host may be short.
func redirection(e redis.Error, from string) (slot int, to string, ok bool) {
	fields := strings.Fields(string(e))
	if len(fields) != 3 {
		return 0, "", false
	}
	slot, err := strconv.Atoi(fields[1])
	host, port, err2 := net.SplitHostPort(fields[2])
	if err != nil || err2 != nil || slot < 0 || slot >= slotCount {
		return 0, "", false
	}
	if host == "" {
		host, _, _ = net.SplitHostPort(from)
	}
	return slot, net.JoinHostPort(host, port), true
}
