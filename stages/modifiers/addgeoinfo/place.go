package addgeoinfo

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"gambolputty/actor/event"
)

// place is what a database knows about an address. Empty texts are not known.
type place struct {
	country, countryName     string
	continent, continentName string
	city, postal, zone       string
	region, regionName       string
	latitude, longitude      event.Value
	metro, area              int
	asNumber                 int64
	asOrganization           string
	countryOnly              bool // the position is the middle of the country
	raw                      any  // the record as the database has it
}

//go:embed countries.tsv
var countryTable string

// country is a row of the table of countries.
type country struct {
	code3, continent, name, zone string
	latitude, longitude          float64
}

var continentNames = map[string]string{
	"AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania", "SA": "South America",
}

// countries reads the table once, when the first address is looked up.
var countries = sync.OnceValue(func() map[string]country {
	table := map[string]country{}
	for line := range strings.Lines(countryTable) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		lat, err1 := strconv.ParseFloat(c[4], 64)
		lon, err2 := strconv.ParseFloat(c[5], 64)
		if err1 != nil || err2 != nil {
			panic("addgeoinfo: bad row in the table of countries: " + line)
		}
		table[c[0]] = country{code3: c[1], continent: c[2], name: c[3], latitude: lat, longitude: lon, zone: c[6]}
	}
	return table
})

// complete adds what follows from the country.
func (p *place) complete() {
	c, known := countries()[p.country]
	if !known {
		return
	}
	if p.countryName == "" {
		p.countryName = c.name
	}
	if p.continent == "" {
		p.continent = c.continent
	}
	if p.continentName == "" {
		p.continentName = continentNames[p.continent]
	}
	if p.zone == "" {
		p.zone = c.zone
	}
	if p.latitude.IsNull() && p.city == "" && p.region == "" {
		p.latitude, p.longitude, p.countryOnly = event.Float(c.latitude), event.Float(c.longitude), true
	}
}

// fieldNames are the names of fields in the order of messages.
var fieldNames = []string{
	"area_code", "city", "continent", "continent_code", "country_code", "country_code3", "country_name", "dma_code", "latitude",
	"longitude", "longlat", "metro_code", "postal_code", "region_name", "time_zone", "autonomous_system_number", "autonomous_system_organization",
}

// usualFields are those that are set when none are named.
var usualFields = []string{
	"area_code", "city", "continent", "country_code", "country_code3", "country_name", "dma_code", "latitude", "longitude",
	"metro_code", "postal_code", "region_name", "time_zone",
}

// value returns a field. With later, words mean what they meant in the later version of
// the former program.
func (p *place) value(name string, later bool) event.Value {
	switch name {
	case "area_code":
		if later {
			return known(p.region)
		}
		return event.Int(int64(p.area))
	case "city":
		return known(p.city)
	case "continent":
		if later {
			return known(p.continentName)
		}
		return known(p.continent)
	case "continent_code":
		return known(p.continent)
	case "country_code":
		return known(p.country)
	case "country_code3":
		return known(countries()[p.country].code3)
	case "country_name":
		return known(p.countryName)
	case "dma_code":
		return event.Int(int64(p.metro))
	case "metro_code":
		if p.metro == 0 {
			return event.Null
		}
		return event.Int(int64(p.metro))
	case "latitude":
		return p.latitude
	case "longitude":
		return p.longitude
	case "longlat":
		if p.latitude.IsNull() {
			return event.Null
		}
		return event.ListOf(p.longitude, p.latitude)
	case "postal_code":
		if later {
			return known(p.postal)
		}
		return event.String(p.postal)
	case "region_name":
		if later {
			return known(p.regionName)
		}
		return known(p.region)
	case "time_zone":
		return known(p.zone)
	case "autonomous_system_number":
		if p.asNumber == 0 {
			return event.Null
		}
		return event.Int(p.asNumber)
	case "autonomous_system_organization":
		return known(p.asOrganization)
	}
	return event.Null
}

func known(s string) event.Value {
	if s == "" {
		return event.Null
	}
	return event.String(s)
}
