package httpsink

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// token is the token of the receiver, which may stand in a file that somebody renews.
type token struct {
	file string

	mu      sync.Mutex
	text    string
	changed time.Time
}

func (t *token) get() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == "" {
		return t.text, nil
	}
	info, err := os.Stat(t.file)
	if err != nil {
		return "", fmt.Errorf("bearer_token_file: %w", err)
	}
	if info.ModTime().Equal(t.changed) {
		return t.text, nil
	}
	text, err := os.ReadFile(t.file)
	if err != nil {
		return "", fmt.Errorf("bearer_token_file: %w", err)
	}
	t.text, t.changed = strings.TrimSpace(string(text)), info.ModTime()
	if strings.ContainsAny(t.text, "\r\n") {
		return "", errors.New("bearer_token_file: the file must hold one line")
	}
	return t.text, nil
}

// forget makes the file be read again, because the receiver does not like the token.
func (t *token) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = time.Time{}
}
