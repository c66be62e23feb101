package kafkaconn

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// scram is the client's side of one exchange by RFC 5802. As the clients of the Kafka
// project do, it takes names and passwords as the bytes they are.
type scram struct {
	hash  func() hash.Hash
	nonce string

	user, password string
	step           int
	first          string // our first message without its header
	signature      []byte // what the server must prove to know
}

func newScram(mechanism string) *scram {
	s := &scram{hash: sha256.New, nonce: rand.Text()}
	if mechanism == scram512 {
		s.hash = sha512.New
	}
	return s
}

// Begin takes the credentials.
func (s *scram) Begin(user, password, _ string) error {
	s.user, s.password = user, password
	return nil
}

// Done reports whether the server has proved that it knows the password, too.
func (s *scram) Done() bool { return s.step > 2 }

// Step answers what the server has sent; at first nothing.
func (s *scram) Step(challenge string) (string, error) {
	s.step++
	switch s.step {
	case 1:
		s.first = "n=" + escapeName.Replace(s.user) + ",r=" + s.nonce
		return gs2Header + s.first, nil
	case 2:
		return s.prove(challenge)
	}
	return "", s.verify(challenge)
}

var (
	errScram   = errors.New("the broker sent a SCRAM message that makes no sense")
	escapeName = strings.NewReplacer("=", "=3D", ",", "=2C")
)

const (
	// gs2Header says that there is no channel binding.
	gs2Header = "n,,"
	// mostRounds keeps a broker that is none from taking our time.
	mostRounds = 10_000_000
)

// prove answers the first message of the server.
func (s *scram) prove(challenge string) (string, error) {
	fields := attributes(challenge)
	if e := fields["e"]; e != "" {
		return "", fmt.Errorf("the broker refused: %s", e)
	}
	salt, err := base64.StdEncoding.DecodeString(fields["s"])
	rounds, failed := strconv.Atoi(fields["i"])
	if err != nil || failed != nil || rounds < 1 || rounds > mostRounds || len(salt) == 0 || !strings.HasPrefix(fields["r"], s.nonce) || fields["r"] == s.nonce {
		return "", errScram
	}
	salted, err := pbkdf2.Key(s.hash, s.password, salt, rounds, s.hash().Size())
	if err != nil {
		return "", errScram
	}
	last := "c=" + base64.StdEncoding.EncodeToString([]byte(gs2Header)) + ",r=" + fields["r"]
	signed := s.first + "," + challenge + "," + last
	key := s.mac(salted, "Client Key")
	stored := s.hash()
	stored.Write(key)
	proof := s.mac(stored.Sum(nil), signed)
	for i := range proof {
		proof[i] ^= key[i]
	}
	s.signature = s.mac(s.mac(salted, "Server Key"), signed)
	return last + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// verify checks the last message of the server.
func (s *scram) verify(challenge string) error {
	fields := attributes(challenge)
	if e := fields["e"]; e != "" {
		return fmt.Errorf("the broker refused: %s", e)
	}
	signature, err := base64.StdEncoding.DecodeString(fields["v"])
	if err != nil || !hmac.Equal(signature, s.signature) {
		return errors.New("the broker does not know the password, so it is not the one it pretends to be")
	}
	return nil
}

func (s *scram) mac(key []byte, text string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// attributes takes a message apart.
func attributes(message string) map[string]string {
	fields := map[string]string{}
	for part := range strings.SplitSeq(message, ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			fields[name] = value
		}
	}
	return fields
}
