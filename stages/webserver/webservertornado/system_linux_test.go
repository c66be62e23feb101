package webservertornado

import (
	"slices"
	"testing"
)

func TestDisksAreDevicesOnce(t *testing.T) {
	text := "/dev/vda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/vda1 /run/netns ext4 rw 0 0\n/dev/vdb /mnt/my\\040disk xfs rw 0 0\nx\n"
	if got := mounted(text); !slices.Equal(got, []string{"/", "/mnt/my disk"}) {
		t.Errorf("%q", got)
	}
}
