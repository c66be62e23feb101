package packconfiguration

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"

	"gambolputty/config"
)

// NewKey makes a pair of keys: the private one as PEM (PKCS #8, RFC 8410), the public one as it
// stands in trusted_keys, which is base64 of its 32 bytes.
func NewKey() (private []byte, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, "", err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), base64.StdEncoding.EncodeToString(pub), nil
}

// PublicKey reads a public key as NewKey writes it.
func PublicKey(text string) (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("a public key must be 32 bytes in base64, got %q", text)
	}
	return key, nil
}

// readKey reads a private key. The error does not say what the file holds.
func readKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	wrong := fmt.Errorf("%s must hold an Ed25519 private key as PEM, as gambolputty pack keygen writes it", path)
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, wrong
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, wrong
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, wrong
	}
	return private, nil
}

// statement is what is signed. It holds the hash of the modules, and what says whether a revision
// is newer than another, so that an old one cannot be given out as a new one.
func (r revision) statement() []byte {
	return fmt.Appendf(nil, "gambolputty revision\npack %q\nleader %q\nterm %d\nn %d\nhash %s\napproved %q\n", r.Pack, r.Leader, r.Term, r.N, r.Hash, r.Approved)
}

// sign signs a revision, if there is a key.
func (n *node) sign(r *revision) {
	r.Key, r.Signature = "", nil
	if n.signer == nil {
		return
	}
	if public, ok := n.signer.Public().(ed25519.PublicKey); ok {
		r.Key = base64.StdEncoding.EncodeToString(public)
	}
	r.Signature = ed25519.Sign(n.signer, r.statement())
}

// trusts says why a revision is not taken for one of the pack.
func (n *node) trusts(r revision) error {
	switch {
	case len(n.opts.Trusted) == 0:
		return nil
	case r.Signature == nil:
		return fmt.Errorf("the revision is not signed, and node %s has trusted_keys", n.pack.Name())
	case !slices.Contains(n.opts.Trusted, r.Key):
		return fmt.Errorf("the revision is signed with the key %.60q, which is not in trusted_keys of node %s", r.Key, n.pack.Name())
	}
	key, err := PublicKey(r.Key)
	if err != nil {
		return err
	}
	if !ed25519.Verify(key, r.statement(), r.Signature) {
		return errors.New("the signature of the revision is wrong")
	}
	if config.HashShared(r.Modules) != r.Hash {
		return errors.New("the modules of the revision are not those that were signed")
	}
	return nil
}
