package kafkaconn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// tokens gives the token of OAUTHBEARER: the one of the options, or one that is fetched and
// kept for as long as it is good.
type tokens struct {
	client            http.Client
	url, scope        string
	user, secret      string
	mu                sync.Mutex
	token             string
	renew             time.Time
	longestAnswerSize int64
}

func newTokens(o *Options) *tokens {
	return &tokens{client: http.Client{Timeout: o.SocketTimeout}, url: o.TokenURL, scope: o.TokenScope, user: o.Username, secret: o.Password, longestAnswerSize: 1 << 20}
}

// Token returns a token that is good for a while.
func (t *tokens) Token() (*sarama.AccessToken, error) {
	if t.url == "" {
		return &sarama.AccessToken{Token: t.secret}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == "" || time.Now().After(t.renew) {
		if err := t.fetch(); err != nil {
			return nil, fmt.Errorf("fetch a token from sasl_token_url: %w", err)
		}
	}
	return &sarama.AccessToken{Token: t.token}, nil
}

// fetch asks for a token (RFC 6749, section 4.4). What the server says is not repeated: it
// may contain the token.
func (t *tokens) fetch() error {
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.scope != "" {
		form.Set("scope", t.scope)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, t.url, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.SetBasicAuth(url.QueryEscape(t.user), url.QueryEscape(t.secret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", res.Status)
	}
	var answer struct {
		Token   string  `json:"access_token"`
		Expires float64 `json:"expires_in"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, t.longestAnswerSize)).Decode(&answer); err != nil || answer.Token == "" {
		return errors.New("the answer holds no access_token")
	}
	t.token = answer.Token
	t.renew = time.Now().Add(time.Duration(answer.Expires * 0.8 * float64(time.Second)))
	return nil
}
