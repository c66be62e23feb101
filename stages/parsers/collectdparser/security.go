package collectdparser

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
)

// trust is what is known of where a packet comes from.
type trust int

const (
	trustNone trust = iota
	trustSigned
	trustEncrypted
)

var levels = map[string]trust{"none": trustNone, "sign": trustSigned, "encrypt": trustEncrypted}

var (
	errUntrusted    = errors.New("the packet is less secure than security_level wants")
	errSignature    = errors.New("the signature is wrong")
	errSecurityPart = errors.New("the part is too short")
	errChecksum     = errors.New("the checksum is wrong, and so probably the password")
)

// verify checks a signature, which is for all that follows the part. Nobody can tell
// whether that of an unknown user is genuine.
func (d *decoder) verify(rest string, n int) (genuine bool, err error) {
	const signed = headerSize + sha256.Size // from here on, the name of the user included
	if n < signed {
		return false, errSecurityPart
	}
	password, known := d.users[rest[signed:n]]
	if !known {
		return false, nil
	}
	mac := hmac.New(sha256.New, []byte(password))
	mac.Write([]byte(rest[signed:]))
	if !hmac.Equal(mac.Sum(nil), []byte(rest[headerSize:signed])) {
		return false, errSignature
	}
	return true, nil
}

// decrypt returns the parts inside an encrypted part: the name of the user, an
// initialisation vector, and, encrypted, a checksum and the parts.
func (d *decoder) decrypt(part string) (string, error) {
	body := part[headerSize:]
	if len(body) < 2 {
		return "", errSecurityPart
	}
	n := int(be16(body))
	if len(body) < 2+n+aes.BlockSize+sha1.Size {
		return "", errSecurityPart
	}
	user, body := body[2:2+n], body[2+n:]
	password, known := d.users[user]
	if !known {
		return "", fmt.Errorf("there is no password for the user %q", clip(user))
	}
	key := sha256.Sum256([]byte(password))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return "", err
	}
	d.cipher = append(d.cipher[:0], body[aes.BlockSize:]...)
	outputFeedback(block, body[:aes.BlockSize], d.cipher)
	sum := sha1.Sum(d.cipher[sha1.Size:])
	if !hmac.Equal(sum[:], d.cipher[:sha1.Size]) {
		return "", errChecksum
	}
	return string(d.cipher[sha1.Size:]), nil
}

// outputFeedback decrypts data in place. The mode has no authentication, which is why the
// library advises against its own; here it is what the protocol says.
func outputFeedback(block cipher.Block, vector string, data []byte) {
	stream := []byte(vector)
	for len(data) > 0 {
		block.Encrypt(stream, stream)
		n := min(len(data), len(stream))
		for i := range n {
			data[i] ^= stream[i]
		}
		data = data[n:]
	}
}

func clip(s string) string {
	const most = 64
	return s[:min(len(s), most)]
}

// readUsers reads a file of lines with the name of a user, a colon and a password.
func readUsers(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	users := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, password, ok := strings.Cut(line, ":")
		user, password = strings.TrimSpace(user), strings.TrimSpace(password)
		if !ok || user == "" || password == "" {
			return nil, fmt.Errorf("%s: line %d is not of the form user: password", path, n)
		}
		users[user] = password
	}
	return users, lines.Err()
}
