package zmqconn

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"

	"gambolputty/actor/option"
)

// Keys are those of one end.
type Keys struct {
	public, secret key
	server         key // zero for the side that is the server of CURVE
	clients        []key
}

// Serves reports whether this end is the server of CURVE, whichever end binds.
func (k *Keys) Serves() bool { return k.server == key{} }

// CurveOptions are embedded in the options of modules.
type CurveOptions struct {
	ServerKey  string   `opt:"curve_server_key" null:"true" doc:"Public key of the peer for encryption with CURVE, 40 characters (Z85), where the peer is the server of CURVE."`
	PublicKey  string   `opt:"curve_public_key" null:"true" doc:"Our public key. It may be left out, because it follows from curve_secret_key."`
	SecretKey  string   `opt:"curve_secret_key" null:"true" secret:"true" doc:"Our secret key. Without curve_server_key it makes us the server of CURVE. With it, it may be left out: then a pair of keys is made at start."`
	ClientKeys []string `opt:"curve_client_keys" null:"true" doc:"Public keys of clients that are let in where we are the server of CURVE; not set lets in all that know our public key."`
}

// CheckCurve tells what is missing or is no key.
func (o *CurveOptions) CheckCurve() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	for _, k := range []struct{ name, text string }{{"curve_server_key", o.ServerKey}, {"curve_public_key", o.PublicKey}, {"curve_secret_key", o.SecretKey}} {
		if _, err := decodeKey(k.text); k.text != "" && err != nil {
			fault(k.name, option.NotAllowed, "%v", err)
		}
	}
	for _, k := range o.ClientKeys {
		if _, err := decodeKey(k); err != nil {
			fault("curve_client_keys", option.NotAllowed, "%v", err)
		}
	}
	if o.PublicKey != "" && o.SecretKey == "" {
		fault("curve_secret_key", option.Required, "required option is missing: curve_public_key is set")
	}
	if len(o.ClientKeys) > 0 && o.SecretKey == "" {
		fault("curve_secret_key", option.Required, "required option is missing: curve_client_keys is set")
	}
	if len(o.ClientKeys) > 0 && o.ServerKey != "" {
		fault("curve_client_keys", option.Contradiction, "cannot be set together with curve_server_key, which makes us the client")
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if _, err := o.Keys(); err != nil {
		return &option.Fault{Code: option.Contradiction, Option: "curve_public_key", Message: err.Error()}
	}
	return nil
}

// Keys returns the keys, nil if there is no CURVE. The options have been checked.
func (o *CurveOptions) Keys() (*Keys, error) {
	if o.ServerKey == "" && o.SecretKey == "" {
		return nil, nil
	}
	k := &Keys{}
	if o.SecretKey == "" {
		public, secret, err := box.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make keys: %w", err)
		}
		k.public, k.secret = *public, *secret
	} else {
		k.secret, _ = decodeKey(o.SecretKey) // they were checked
		public, err := curve25519.X25519(k.secret[:], curve25519.Basepoint)
		if err != nil {
			return nil, errors.New("no public key follows from curve_secret_key")
		}
		k.public = key(public)
	}
	if o.PublicKey != "" {
		if said, _ := decodeKey(o.PublicKey); said != k.public {
			return nil, errors.New("is not the public key that belongs to curve_secret_key")
		}
	}
	if o.ServerKey != "" {
		k.server, _ = decodeKey(o.ServerKey)
	}
	for _, c := range o.ClientKeys {
		client, _ := decodeKey(c)
		k.clients = append(k.clients, client)
	}
	return k, nil
}

// z85 is the alphabet of RFC 32.
const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// errNotKey does not show what was given, which may be a secret.
var errNotKey = errors.New("must be a key of 40 characters (Z85), as zmq_curve_keypair and curve_keygen make them")

func decodeKey(s string) (k key, err error) {
	if len(s) != keyBytes/4*5 {
		return k, errNotKey
	}
	var b bytes.Buffer
	for ; s != ""; s = s[5:] {
		var n uint64
		for _, c := range []byte(s[:5]) {
			digit := strings.IndexByte(z85, c)
			if digit < 0 {
				return k, errNotKey
			}
			n = n*85 + uint64(digit)
		}
		if n > 1<<32-1 {
			return k, errNotKey
		}
		b.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	k = key(b.Bytes())
	if k == (key{}) {
		return k, errNotKey
	}
	return k, nil
}
