package sniffer

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAMissingRightIsNamed(t *testing.T) {
	for err, want := range map[error]string{unix.EPERM: "needs the capability CAP_NET_RAW", unix.EACCES: "needs the capability CAP_NET_RAW", unix.ENOMEM: "open a packet socket: cannot allocate memory"} {
		if got := refusal(err).Error(); !strings.Contains(got, want) {
			t.Errorf("%v is told as %s", err, got)
		}
	}
}
