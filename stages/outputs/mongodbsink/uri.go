//go:build mongodb

package mongodbsink

import (
	"net/url"
	"strings"
)

// uri is the address with all that belongs to it.
func (o *Options) uri() string {
	var b strings.Builder
	b.WriteString("mongodb")
	if o.Host.srv {
		b.WriteString("+srv")
	}
	b.WriteString("://")
	switch {
	case o.User != "" && o.Password != "":
		b.WriteString(url.UserPassword(o.User, o.Password).String() + "@")
	case o.User != "":
		b.WriteString(url.User(o.User).String() + "@")
	case o.Host.login != "":
		b.WriteString(o.Host.login + "@")
	}
	b.WriteString(o.Host.target() + "/" + o.Host.path + "?")
	params, _ := url.ParseQuery(o.Host.query) // it was checked
	for k, v := range o.Params {
		params.Set(k, v)
	}
	for k, v := range map[string]string{"serverSelectionTimeoutMS": "5000", "timeoutMS": "60000"} {
		if !has(params, k) {
			params.Set(k, v)
		}
	}
	b.WriteString(strings.ReplaceAll(params.Encode(), "+", "%20"))
	return b.String()
}

// has reports whether an option is set; their names are the same in small letters.
func has(params url.Values, name string) bool {
	for k := range params {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}
