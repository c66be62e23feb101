package pack

import (
	"errors"
	"io"
	"testing"

	"github.com/hashicorp/raft"
)

func TestNoHeartbeatIsHandledWhenTheFileIsToBeClosed(t *testing.T) {
	here, there := &gate{}, &gate{}
	for _, g := range []*gate{here, there} {
		var err error
		if g.NetworkTransport, err = raft.NewTCPTransport("127.0.0.1:0", nil, 1, 0, io.Discard); err != nil {
			t.Fatal(err)
		}
		defer g.Close()
	}
	handled := 0
	there.SetHeartbeatHandler(func(rpc raft.RPC) {
		handled++
		rpc.Respond(&raft.AppendEntriesResponse{Success: true}, nil)
	})
	beat := func() error {
		var answer raft.AppendEntriesResponse
		return here.AppendEntries("x", there.LocalAddr(), &raft.AppendEntriesRequest{Term: 1, RPCHeader: raft.RPCHeader{Addr: []byte("x")}}, &answer)
	}
	if err := beat(); err != nil || handled != 1 {
		t.Fatalf("%v, %d", err, handled)
	}
	there.shut()
	if err := beat(); err == nil || errors.Is(err, io.EOF) || handled != 1 {
		t.Errorf("%v, %d", err, handled)
	}
}
