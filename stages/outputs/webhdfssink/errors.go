package webhdfssink

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error names the server, the status and what the server says about it.
func (r *refusal) Error() string {
	text := fmt.Sprintf("%s answers %d %s", r.host, r.status, http.StatusText(r.status))
	if r.kind != "" {
		text += ": " + r.kind + ": " + r.reason
	}
	return text
}

// standby reports whether another name node has to be asked. Data nodes and gateways wrap
// the exception in others.
func (r *refusal) standby() bool { return r.says("StandbyException") }

// says reports whether an exception is the reason, by itself or inside another one.
func (r *refusal) says(exceptions ...string) bool {
	for _, e := range exceptions {
		if strings.Contains(r.kind, e) || strings.Contains(r.reason, e) {
			return true
		}
	}
	return false
}

func refused(err error) *refusal {
	var no *refusal
	errors.As(err, &no)
	return no
}

// isHeld reports whether a file is held by another writer. The server often is that itself,
// until it has noticed that a connection has ended.
func isHeld(err error) bool {
	no := refused(err)
	return no != nil && no.says("AlreadyBeingCreatedException", "RecoveryInProgressException", "LeaseExpiredException", "lease recovery is in progress")
}

func isMissing(err error) bool {
	no := refused(err)
	return no != nil && no.status == http.StatusNotFound && !no.says("UnknownHostException")
}

// isForbidden reports whether somebody has to allow us something. The status alone does not
// say so: servers answer 403 to nearly everything.
func isForbidden(err error) bool {
	no := refused(err)
	switch {
	case no == nil:
		return false
	case no.status == http.StatusUnauthorized, no.status == http.StatusForbidden && no.kind == "":
		return true
	}
	return no.says("QuotaExceededException", "AccessControlException", "AuthorizationException", "SecurityException", "InvalidToken")
}

// isBad reports whether the path can never be one.
func isBad(err error) bool {
	no := refused(err)
	return no != nil && no.says("IllegalArgumentException", "InvalidPathException")
}

func (s *sink) forbidden(path string, err error) error {
	who := "user " + s.opts.User
	if s.opts.Token != "" {
		who = "the owner of delegation_token"
	}
	return fmt.Errorf("%s may not write %s: %w", who, path, err)
}

// pauseOf is what the server asks for.
func pauseOf(err error) time.Duration {
	if no := refused(err); no != nil {
		return no.pause
	}
	return 0
}
