package netflowparser

import (
	_ "embed"
	"errors"
	"strconv"
	"strings"
	"sync"

	"gambolputty/actor/event"
)

//go:embed elements.txt
var elementList string

// kind is how the bytes of an element are read.
type kind uint8

const (
	guessed kind = iota // nothing is known: small ones are numbers, others octets
	octets
	number
	signed
	float
	boolean
	hardware
	text
	seconds
	millis
	micros
	nanos
	ip4
	ip6
)

// kinds are those of the abstract data types of RFC 7012. Lists of elements are shown as
// octets.
var kinds = map[string]kind{
	"unsigned8": number, "unsigned16": number, "unsigned32": number, "unsigned64": number, "unsigned256": octets,
	"signed8": signed, "signed16": signed, "signed32": signed, "signed64": signed, "float32": float, "float64": float,
	"boolean": boolean, "macAddress": hardware, "string": text, "octetArray": octets,
	"dateTimeSeconds": seconds, "dateTimeMilliseconds": millis, "dateTimeMicroseconds": micros, "dateTimeNanoseconds": nanos,
	"ipv4Address": ip4, "ipv6Address": ip6, "basicList": octets, "subTemplateList": octets, "subTemplateMultiList": octets,
}

// element is what a number in a template means.
type element struct {
	key  *event.Key
	kind kind
}

// registry is the list of IANA by the numbers of the elements.
var registry = sync.OnceValue(func() map[uint16]element {
	m := map[uint16]element{}
	for line := range strings.Lines(elementList) {
		f := strings.Fields(line)
		n, err := strconv.ParseUint(f[0], 10, 16)
		if err != nil || len(f) != 3 {
			panic("netflowparser: elements.txt: " + line) // the file is part of the program
		}
		m[uint16(n)] = element{event.Intern(f[1]), kinds[f[2]]}
	}
	return m
})

// scopes are the names of what an options template of NetFlow 9 may be about.
var scopes = map[uint16]*event.Key{
	1: key("scopeSystem"), 2: key("scopeInterface"), 3: key("scopeLineCard"), 4: key("scopeCache"), 5: key("scopeTemplate"),
}

// otherScope is for all others.
var otherScope = key("scopeOther")

// reversed is the enterprise number of elements that speak of the way back, see RFC 5103.
const reversed = 29305

var errStrangers = errors.New("there are too many different elements that nobody knows")

// strangers remembers the names of elements that are in no list. Their number is bounded,
// because field names stay in memory for ever.
type strangers map[uint64]*event.Key

func (s strangers) element(enterprise uint32, id uint16) (element, error) {
	known, ok := registry()[id]
	if enterprise == 0 && ok {
		return known, nil
	}
	n := uint64(enterprise)<<16 | uint64(id)
	k := s[n]
	if k == nil {
		const most = 4096
		if len(s) >= most {
			return element{}, errStrangers
		}
		name := "element" + strconv.Itoa(int(id))
		switch {
		case enterprise == reversed && ok:
			name = "reverse" + strings.ToUpper(known.key.Name[:1]) + known.key.Name[1:]
		case enterprise != 0:
			name = "enterprise" + strconv.FormatUint(uint64(enterprise), 10) + "_" + strconv.Itoa(int(id))
		}
		k = event.Intern(name)
		s[n] = k
	}
	if enterprise == reversed && ok {
		return element{k, known.kind}, nil
	}
	return element{k, guessed}, nil
}
