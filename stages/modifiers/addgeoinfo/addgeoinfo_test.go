package addgeoinfo_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/addgeoinfo"
)

func TestTheBuiltInDatabaseKnowsCountries(t *testing.T) {
	actortest.Cases(t, addgeoinfo.Spec, map[string]actortest.Case{
		"the first field with a result": {Options: "geo_info_fields: [latitude, longitude, country_code]", In: `{"x_forwarded_for": "10.0.0.1", "remote_ip": "91.65.0.1"}`,
			Want: `{"country_code":"DE","geo_accuracy":"country","latitude":51.0,"longitude":9.0,"remote_ip":"91.65.0.1","x_forwarded_for":"10.0.0.1"}`},
		"a list of proxies": {Options: "source_fields: [ip]\ngeo_info_fields: [country_code, country_code3, country_name, continent]", In: `{"ip": "192.168.1.1, [2a00:1450:4001:800::200e]:443"}`,
			Want: `{"continent":"EU","country_code":"DE","country_code3":"DEU","country_name":"Germany","ip":"192.168.1.1, [2a00:1450:4001:800::200e]:443"}`},
		"a list":                {Options: "source_fields: [ip]\ngeo_info_fields: [country_code]\ntarget_field: geo", In: `{"ip": ["-", "127.0.0.1", "91.65.0.1:80"]}`, Want: `{"geo":{"country_code":"DE"},"ip":["-","127.0.0.1","91.65.0.1:80"]}`},
		"no result":             {Options: "source_fields: [ip]\ntag_on_miss: nowhere", In: `{"ip": "10.0.0.1"}`, Want: `{"ip":"10.0.0.1"}`, Tags: "nowhere"},
		"a private address":     {Options: "source_fields: [ip]\ngeo_info_fields: [country_code, latitude]\nprivate_ip_value: office\ntag_on_miss: nowhere", In: `{"ip": "10.0.0.1"}`, Want: `{"country_code":"office","ip":"10.0.0.1","latitude":null}`},
		"not only private ones": {Options: "source_fields: [ip]\ngeo_info_fields: [country_code]\nprivate_ip_value: office", In: `{"ip": "10.0.0.1, 91.65.0.1"}`, Want: `{"country_code":"DE","ip":"10.0.0.1, 91.65.0.1"}`},
		"no address":            {Options: "source_fields: [ip]", In: `{"ip": "spam"}`, Want: `{"ip":"spam"}`},
		"later words":           {Options: "source_fields: [ip]\nmaxmind_info_fields: [continent, continent_code, longlat]", In: `{"ip": "91.65.0.1"}`, Want: `{"continent":"Europe","continent_code":"EU","geo_accuracy":"country","ip":"91.65.0.1","longlat":[9.0,51.0]}`},
		"elastic common schema": {Options: "source_fields: [ip]\necs: True", In: `{"ip": "91.65.0.1"}`, Want: `{"geo":{"continent_code":"EU","continent_name":"Europe","country_iso_code":"DE","country_name":"Germany","location":{"lat":51.0,"lon":9.0},"timezone":"Europe/Berlin"},"ip":"91.65.0.1"}`},
	})
}

func TestAMissingDatabaseIsReplacedByTheBuiltInOne(t *testing.T) {
	actortest.Cases(t, addgeoinfo.Spec, map[string]actortest.Case{
		"missing": {Options: "geoip_dat_path: /no/such/file.dat\nsource_fields: [ip]\ngeo_info_fields: [country_code]", In: `{"ip": "91.65.0.1"}`, Want: `{"country_code":"DE","ip":"91.65.0.1"}`},
	})
	actortest.Wrong(t, addgeoinfo.Spec, map[string]string{"geo_info_fields: [lattitude]": `did you mean "latitude"?`})
}

// city writes a database in the layout of MaxMind.
func city(t *testing.T) string {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, network, err := net.ParseCIDR("91.65.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	name := func(s string) mmdbtype.Map {
		return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(s)}}
	}
	country := name("Germany")
	country["iso_code"] = mmdbtype.String("DE")
	region := name("Lower Saxony")
	region["iso_code"] = mmdbtype.String("NI")
	continent := name("Europe")
	continent["code"] = mmdbtype.String("EU")
	record := mmdbtype.Map{
		"city": name("Hanover"), "country": country, "continent": continent, "subdivisions": mmdbtype.Slice{region},
		"location": mmdbtype.Map{"latitude": mmdbtype.Float64(52.3667), "longitude": mmdbtype.Float64(9.7167), "time_zone": mmdbtype.String("Europe/Berlin"), "accuracy_radius": mmdbtype.Uint16(20)},
		"postal":   mmdbtype.Map{"code": mmdbtype.String("30159")},
	}
	if err := w.Insert(network, record); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "city.mmdb")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMaxMindDatabases(t *testing.T) {
	path := city(t)
	actortest.Cases(t, addgeoinfo.Spec, map[string]actortest.Case{
		"all fields": {Options: "geoip_dat_path: " + path + "\nsource_fields: [ip]", In: `{"ip": "91.65.0.1"}`,
			Want: `{"area_code":0,"city":"Hanover","continent":"EU","country_code":"DE","country_code3":"DEU","country_name":"Germany","dma_code":0,"ip":"91.65.0.1","latitude":52.3667,"longitude":9.7167,"metro_code":null,"postal_code":"30159","region_name":"NI","time_zone":"Europe/Berlin"}`},
		"later words": {Options: "geoip_dat_path: " + path + "\nsource_fields: [ip]\nmaxmind_info_fields: [region_name, area_code, longlat]\ncustom_fields: {radius: location.accuracy_radius}", In: `{"ip": "91.65.0.1"}`,
			Want: `{"area_code":"NI","ip":"91.65.0.1","longlat":[9.7167,52.3667],"radius":20,"region_name":"Lower Saxony"}`},
		"not in it": {Options: "geoip_dat_path: " + path + "\nsource_fields: [ip]", In: `{"ip": "8.8.8.8"}`, Want: `{"ip":"8.8.8.8"}`},
	})
}

// legacy writes an old city database with one network, 128.0.0.0/1, which is Hanover.
func legacy(t *testing.T) string {
	t.Helper()
	u24 := func(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }
	const nodes = 1
	record := append([]byte{56}, "06\x00Hanover\x00\x00"...) // 56 is Germany
	record = append(record, u24(2323667)...)
	record = append(record, u24(1897167)...)
	var data []byte
	data = append(data, u24(nodes)...)   // nothing below 0.0.0.0/1
	data = append(data, u24(nodes+1)...) // the record at offset 1
	data = append(data, 0)               // offset 0 means no record
	data = append(data, record...)
	data = append(data, 0xff, 0xff, 0xff, 2) // city edition, revision 1
	data = append(data, u24(nodes)...)
	path := filepath.Join(t.TempDir(), "GeoLiteCity.dat")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOldDatabases(t *testing.T) {
	path := legacy(t)
	actortest.Cases(t, addgeoinfo.Spec, map[string]actortest.Case{
		"all fields": {Options: "geoip_dat_path: " + path + "\nsource_fields: [ip]", In: `{"ip": "130.75.0.1"}`,
			Want: `{"area_code":0,"city":"Hanover","continent":"EU","country_code":"DE","country_code3":"DEU","country_name":"Germany","dma_code":0,"ip":"130.75.0.1","latitude":52.3667,"longitude":9.7167,"metro_code":null,"postal_code":"","region_name":"06","time_zone":"Europe/Berlin"}`},
		"not in it": {Options: "geoip_dat_path: " + path + "\nsource_fields: [ip]", In: `{"ip": "8.8.8.8"}`, Want: `{"ip":"8.8.8.8"}`},
	})
}

func TestAFileOfAnotherKindStopsTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.dat")
	if err := os.WriteFile(path, []byte(strings.Repeat("spam", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := actortest.Start(t, "- Numbers\n- AddGeoInfo:\n    geoip_dat_path: "+path+"\n- TestCatch\n", addgeoinfo.Spec, actortest.Numbers(1))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "format is not known") {
		t.Error(err)
	}
}

func FuzzOldDatabase(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x02\x00\x00\xff\xff\xff\x02\x01\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\xff\xff\xff\x6a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.dat")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r := actortest.Start(t, "- Numbers\n- AddGeoInfo:\n    geoip_dat_path: "+path+"\n    source_fields: [ip]\n    filter: 'True'\n- TestCatch\n", addgeoinfo.Spec, actortest.Numbers(1))
		if err := r.Err(); err != nil && strings.Contains(err.Error(), "panic") {
			t.Error(err)
		}
	})
}
