package addgeoinfo

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"gambolputty/actor/event"
)

// Editions of the old databases. The numbers and the layout are those of the public C and
// Python readers for GeoIP legacy databases.
const (
	countryEdition   = 1
	cityEditionRev1  = 2
	cityEditionRev0  = 6
	countryEditionV6 = 12
	cityEditionRev1V = 30
	cityEditionRev0V = 31
)

const (
	countryBegin  = 16776960 // leaves of country databases begin here
	recordLength  = 3
	infoSearch    = 20 // how far from the end the structure is looked for
	longestRecord = 300
	usCode        = "US"
)

// legacyCountries are the codes by the numbers that the databases use.
const legacyCountries = "-- AP EU AD AE AF AG AI AL AM CW AO AQ AR AS AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR SX GA GB GD GE GF GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IN IO IQ IR IS IT JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR ST SV SY SZ TC TD TF TG TH TJ TK TM TN TO TL TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT RS ZA ZM ME ZW A1 A2 O1 AX GG IM JE BL MF BQ SS O1"

// legacy is an old database in memory.
type legacy struct {
	data    []byte
	edition int
	begin   int // numbers below it are nodes
	codes   []string
}

var errNotLegacy = errors.New("the format is not known: it is neither a MaxMind DB nor an old country or city database")

// newLegacy looks for the structure at the end of the file: three bytes 0xff, the edition,
// and for cities where the records begin.
func newLegacy(data []byte) (*legacy, error) {
	l := &legacy{data: data, edition: countryEdition, begin: countryBegin, codes: strings.Fields(legacyCountries)}
	mark := bytes.LastIndex(data[max(0, len(data)-infoSearch-3):], []byte{0xff, 0xff, 0xff})
	if mark < 0 {
		return nil, errNotLegacy
	}
	info := data[max(0, len(data)-infoSearch-3)+mark+3:]
	if len(info) == 0 {
		return nil, errNotLegacy
	}
	l.edition = int(info[0])
	const shifted = 106 // newer files add 105 to the edition
	if l.edition >= shifted {
		l.edition -= shifted - 1
	}
	switch l.edition {
	case countryEdition, countryEditionV6:
	case cityEditionRev0, cityEditionRev1, cityEditionRev0V, cityEditionRev1V:
		if len(info) < 1+recordLength {
			return nil, errNotLegacy
		}
		l.begin = uint24(info[1:])
	default:
		return nil, fmt.Errorf("%w (edition %d)", errNotLegacy, l.edition)
	}
	return l, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func (l *legacy) ipv6() bool {
	return l.edition == countryEditionV6 || l.edition == cityEditionRev0V || l.edition == cityEditionRev1V
}

// lookup walks the tree, one bit of the address at a time.
func (l *legacy) lookup(ip netip.Addr) (*place, bool) {
	ip = ip.Unmap()
	if ip.Is6() != l.ipv6() {
		if ip.Is6() {
			return nil, false
		}
		ip = netip.AddrFrom16(ip.As16())
	}
	node := 0
	for _, b := range ip.AsSlice() {
		for bit := 7; bit >= 0; bit-- {
			at := node * 2 * recordLength
			if b>>bit&1 == 1 {
				at += recordLength
			}
			if at < 0 || at+recordLength > len(l.data) {
				return nil, false
			}
			if node = uint24(l.data[at:]); node >= l.begin {
				return l.leaf(node)
			}
		}
	}
	return nil, false
}

func (l *legacy) leaf(node int) (*place, bool) {
	if l.begin == countryBegin && (l.edition == countryEdition || l.edition == countryEditionV6) {
		p := &place{country: l.code(node - countryBegin)}
		return p, p.country != ""
	}
	if node == l.begin {
		return nil, false
	}
	return l.city(node + (2*recordLength-1)*l.begin)
}

// code is the country with a number, "" for none and for proxies and satellites.
func (l *legacy) code(n int) string {
	if n <= 0 || n >= len(l.codes) {
		return ""
	}
	switch c := l.codes[n]; c {
	case "--", "A1", "A2", "O1":
		return ""
	default:
		return c
	}
}

// city reads the record at an offset: country, three texts that end with a zero byte,
// position, and for the United States a number of metro and area code.
func (l *legacy) city(at int) (*place, bool) {
	if at < 0 || at >= len(l.data) {
		return nil, false
	}
	rec := l.data[at:min(len(l.data), at+longestRecord)]
	p := &place{country: l.code(int(rec[0]))}
	rec = rec[1:]
	for _, to := range []*string{&p.region, &p.city, &p.postal} {
		n := bytes.IndexByte(rec, 0)
		if n < 0 {
			return nil, false
		}
		*to = latin1(rec[:n])
		rec = rec[n+1:]
	}
	if len(rec) >= 2*recordLength {
		p.latitude, p.longitude = degrees(rec), degrees(rec[recordLength:])
		rec = rec[2*recordLength:]
	}
	if p.country == usCode && l.edition != cityEditionRev0 && l.edition != cityEditionRev0V && len(rec) >= recordLength {
		codes := uint24(rec)
		p.metro, p.area = codes/1000, codes%1000
	}
	return p, p.country != "" || p.city != ""
}

// degrees reads a position in ten thousandths of a degree, counted from -180.
func degrees(b []byte) event.Value {
	return event.Float(math.Round(float64(uint24(b))-180*10000) / 10000)
}

// latin1 turns ISO 8859-1 into UTF-8.
func latin1(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}
