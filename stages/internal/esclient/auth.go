package esclient

import (
	"encoding/base64"
	"strings"

	"gambolputty/actor/option"
)

// checkAuth makes the header by which the server knows us. No message repeats a secret.
func (o *Cluster) checkAuth(c *checks) {
	if o.HTTPAuth != "" && o.APIKey != "" {
		c.fault("api_key", option.Contradiction, "cannot be set together with http_auth")
	}
	switch login := o.Nodes.login; {
	case o.APIKey != "":
		o.authorized, o.user = "ApiKey "+encodedKey(o.APIKey), "of api_key"
		if strings.ContainsAny(o.APIKey, " \r\n\t") {
			c.fault("api_key", option.NotAllowed, "must be id:key, or both encoded in base64")
		}
	case o.HTTPAuth != "":
		user, _, ok := strings.Cut(o.HTTPAuth, ":")
		if !ok {
			c.fault("http_auth", option.NotAllowed, "must be user:password")
		}
		o.authorized, o.user = basic(o.HTTPAuth), user
	case login != "":
		user, _, _ := strings.Cut(login, ":")
		o.authorized, o.user = basic(login), user
	}
}

func basic(login string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(login)) }

// encodedKey encodes a key that is not encoded yet. A colon is no character of base64.
func encodedKey(key string) string {
	if strings.Contains(key, ":") {
		return base64.StdEncoding.EncodeToString([]byte(key))
	}
	return key
}
