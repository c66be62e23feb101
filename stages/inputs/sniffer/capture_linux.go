package sniffer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"gambolputty/stages/inputs/sniffer/filter"
)

// capture is a packet socket (packet(7)).
type capture struct {
	file  *os.File
	conn  syscall.RawConn
	buf   []byte
	oob   []byte
	link  link
	names map[int]string // of interfaces
	name  string
	look  time.Time // when to look for drops
	index int       // of the interface, 0 for all
	check time.Time // when to look for the interface
}

// Types of hardware (ARPHRD_*, linux/if_arp.h).
const (
	hardwareEthernet = 1
	hardwareLoopback = 772
)

// openCapture begins to capture. On all interfaces, and on those that are no Ethernet, the
// kernel takes the link headers off.
func openCapture(o *Options) (*capture, error) {
	c := &capture{buf: make([]byte, o.SnapLen), oob: make([]byte, 256), names: map[int]string{}, link: linkNetwork, name: o.Interface}
	kind, index := unix.SOCK_DGRAM, 0
	if o.Interface != everywhere {
		i, err := net.InterfaceByName(o.Interface)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", o.Interface, err)
		}
		index, c.index = i.Index, i.Index
		if len(i.HardwareAddr) == 6 || i.Flags&net.FlagLoopback != 0 {
			kind, c.link = unix.SOCK_RAW, linkEthernet
		}
	}
	// Without a protocol nothing comes before the filter is in place.
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, refusal(err)
	}
	if err := c.prepare(fd, o, index); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	c.file = os.NewFile(uintptr(fd), "packet socket")
	if c.conn, err = c.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, c.file.Close())
	}
	return c, nil
}

// refusal says what is missing.
func refusal(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("packets may not be captured: the program needs the capability CAP_NET_RAW, which root has, or which 'setcap cap_net_raw+ep' gives to the program: %w", err)
	}
	return fmt.Errorf("open a packet socket: %w", err)
}

func (c *capture) prepare(fd int, o *Options, index int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return fmt.Errorf("ask for lengths and tags: %w", err)
	}
	if o.Buffer > 0 {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, o.Buffer<<10) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, o.Buffer<<10); err != nil {
				return fmt.Errorf("set kernel_buffer_size: %w", err)
			}
		}
	}
	kind := filter.Network
	if c.link == linkEthernet {
		kind = filter.Ethernet
	}
	if code := o.Filter.Program(kind, o.SnapLen); code != nil {
		if err := attach(fd, code); err != nil {
			return fmt.Errorf("set the filter: %w", err)
		}
	}
	protocol := binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL & 0xff})
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: index}); err != nil {
		return fmt.Errorf("bind to interface %s: %w", o.Interface, err)
	}
	if !o.Promiscuous || index == 0 {
		return nil
	}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}); err != nil {
		return fmt.Errorf("make interface %s promiscuous: %w", o.Interface, err)
	}
	return nil
}

func attach(fd int, code []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(code))
	for i, x := range code {
		program[i] = unix.SockFilter{Code: x.Op, Jt: x.Jt, Jf: x.Jf, K: x.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// longestWait is how long nothing may come before the drops are looked at.
const longestWait = time.Second

// next takes a packet. If there is none it waits for one, but not for long, or does not.
func (c *capture) next(p *packet, wait bool) (bool, error) {
	if wait {
		if err := c.file.SetReadDeadline(time.Now().Add(longestWait)); err != nil {
			return false, err
		}
	}
	for {
		var n, oobn int
		var from unix.Sockaddr
		var failed error
		err := c.conn.Read(func(fd uintptr) bool {
			n, oobn, _, from, failed = unix.Recvmsg(int(fd), c.buf, c.oob, unix.MSG_TRUNC)
			return !wait || !errors.Is(failed, unix.EAGAIN)
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(failed, unix.EAGAIN):
			return false, nil
		case err != nil:
			return false, err
		case errors.Is(failed, unix.EINTR), errors.Is(failed, unix.ENETDOWN): // an interface that comes back goes on
			continue
		case failed != nil:
			return false, failed
		}
		if c.fill(p, n, oobn, from) {
			return true, nil
		}
	}
}

// fill describes a packet. It returns false for the first of the two copies of every packet
// on the loopback interface.
func (c *capture) fill(p *packet, n, oobn int, from unix.Sockaddr) bool {
	a, ok := from.(*unix.SockaddrLinklayer)
	if !ok || a.Pkttype == unix.PACKET_OUTGOING && a.Hatype == hardwareLoopback {
		return false
	}
	*p = packet{data: c.buf[:min(n, len(c.buf))], link: c.link, length: n, at: time.Now(), from: c.nameOf(a.Ifindex), tag: -1}
	if c.link == linkNetwork {
		p.ether = binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, a.Protocol))
		p.sender = a.Addr[:min(int(a.Halen), len(a.Addr))]
	}
	c.auxiliary(p, c.oob[:oobn])
	if c.link == linkNetwork && (a.Hatype == hardwareEthernet || a.Hatype == hardwareLoopback) {
		p.length += 14
	}
	return true
}

// auxiliary reads what the kernel knows of a packet beside its bytes.
func (c *capture) auxiliary(p *packet, oob []byte) {
	const header, size = int(unsafe.Sizeof(unix.Cmsghdr{})), int(unsafe.Sizeof(unix.TpacketAuxdata{}))
	if len(oob) < header+size {
		return
	}
	head := binary.NativeEndian.Uint32(oob[header-8:])
	kind := binary.NativeEndian.Uint32(oob[header-4:])
	if head != unix.SOL_PACKET || kind != unix.PACKET_AUXDATA {
		return
	}
	// struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid
	aux := oob[header:]
	p.length = int(binary.NativeEndian.Uint32(aux[4:]))
	if binary.NativeEndian.Uint32(aux)&unix.TP_STATUS_VLAN_VALID != 0 {
		p.tag = int(binary.NativeEndian.Uint16(aux[16:]) & 0xfff)
	}
}

func (c *capture) nameOf(index int) string {
	if c.name != everywhere {
		return c.name
	}
	name, ok := c.names[index]
	if !ok {
		if i, err := net.InterfaceByIndex(index); err == nil {
			name = i.Name
		} else {
			name = everywhere
		}
		c.names[index] = name
	}
	return name
}

// drops returns how many packets the kernel dropped since the last look, at most once a
// second.
func (c *capture) drops(now time.Time) int {
	if now.Before(c.look) {
		return 0
	}
	c.look = now.Add(longestWait)
	n := 0
	if err := c.conn.Control(func(fd uintptr) {
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			n = int(s.Drops)
		}
	}); err != nil {
		return 0
	}
	return n
}

// lost reports, at most once a second, whether the interface has gone. The socket does not
// tell: nothing comes from it any more, also if there is another interface with the same name.
func (c *capture) lost(now time.Time) bool {
	if c.index == 0 || now.Before(c.check) {
		return false
	}
	c.check = now.Add(longestWait)
	i, err := net.InterfaceByName(c.name)
	return err != nil || i.Index != c.index
}

// interrupt ends a wait.
func (c *capture) interrupt() { _ = c.file.SetReadDeadline(time.Unix(1, 0)) } // the wait ends by itself soon

func (c *capture) close() error { return c.file.Close() }
