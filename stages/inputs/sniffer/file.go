package sniffer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"gambolputty/actor"
)

// Types of links as capture files give them. The library keeps only their lowest byte.
const (
	typeEthernet = 1
	typeRawOld   = 12
	typeRaw      = 101
	typeCooked   = 113
	typeCooked2  = 276 & 0xff
)

// mostOfPacket bounds the memory that a damaged file can ask for.
const mostOfPacket = 16 << 20

// ngMagic is the type of the first block of a pcapng file, the same in both byte orders.
const ngMagic = 0x0a0d0d0a

type packetReader interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// openFile reads the header of a capture file of either format.
func openFile(f io.Reader) (packetReader, error) {
	r := bufio.NewReaderSize(f, 1<<20)
	magic, err := r.Peek(4)
	if err != nil {
		return nil, errors.New("it is no capture file: it is too short")
	}
	if binary.BigEndian.Uint32(magic) == ngMagic {
		return pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	}
	p, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("it is no capture file: %w", err)
	}
	p.SetSnaplen(mostOfPacket)
	return p, nil
}

// readFile reads the capture file to its end.
func (s *source) readFile(ctx context.Context, out *actor.Outlet) error {
	f, err := os.Open(s.opts.File)
	if err != nil {
		return actor.Final(err)
	}
	defer f.Close()
	r, err := openFile(f)
	if err != nil {
		return actor.Final(fmt.Errorf("%s: %w", s.opts.File, err))
	}
	p := packet{from: s.opts.File, tag: -1}
	switch t := r.LinkType(); t {
	case typeEthernet:
		p.link = linkEthernet
	case typeRaw, typeRawOld:
		p.link = linkRaw
	case typeCooked:
		p.link = linkCooked
	case typeCooked2:
		p.link = linkCooked2
	default:
		return actor.Final(fmt.Errorf("%s: packets of link type %d are not known", s.opts.File, t))
	}
	read := 0
	for more := true; more && ctx.Err() == nil; {
		b := out.Batch(s.opts.File)
		var failed error
		n := 0
		for n < out.Size() {
			data, info, err := r.ReadPacketData()
			if more = err == nil; !more {
				if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
					failed = err
				}
				break
			}
			read++
			p.data, p.length, p.at = data[:min(len(data), s.opts.SnapLen)], info.Length, info.Timestamp
			if s.add(b, &p) {
				n++
			}
		}
		if n > 0 {
			if err := out.Emit(b, nil); err != nil {
				return err
			}
		}
		if failed != nil {
			return actor.Final(fmt.Errorf("%s is damaged behind packet %d: %w", s.opts.File, read, failed))
		}
	}
	return nil
}
