package zabbixsink

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"gambolputty/actor/option"
)

const (
	defaultAgentConf = "/etc/zabbix/zabbix_agentd.conf"
	defaultPort      = "10051"
)

// agentConf is the path of the agent's configuration; True is the usual one, False none.
type agentConf string

// OptionType describes the option in tables.
func (*agentConf) OptionType() string { return "boolean or string" }

// MarshalText shows the default in tables.
func (a agentConf) MarshalText() ([]byte, error) {
	if a == defaultAgentConf {
		return []byte("True"), nil
	}
	return []byte(a), nil
}

// DecodeOption reads a boolean or a path.
func (a *agentConf) DecodeOption(v *option.Value) error {
	switch {
	case v.Kind == option.Boolean && strings.EqualFold(v.Text, "true"):
		*a = defaultAgentConf
	case v.Kind == option.Boolean, v.Kind == option.Null:
		*a = ""
	case v.Kind == option.String:
		*a = agentConf(v.Text)
	default:
		return v.Wrong("boolean or string")
	}
	return nil
}

// server is the first one that the file names for active checks, or else for passive ones.
func (a agentConf) server() (string, error) {
	f, err := os.Open(string(a))
	if err != nil {
		return "", err
	}
	defer f.Close() // it was only read
	found := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if name = strings.TrimSpace(name); ok && !strings.HasPrefix(name, "#") {
			found[name] = value
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("read %s: %w", a, err)
	}
	for _, name := range []string{"ServerActive", "Server"} {
		first, _, _ := strings.Cut(found[name], ",") // several servers
		first, _, _ = strings.Cut(first, ";")        // nodes of a cluster
		if first = strings.TrimSpace(first); first != "" {
			return address(first)
		}
	}
	return "", fmt.Errorf("%s has neither ServerActive nor Server", a)
}

// serverName is the server of the options; False is none.
type serverName string

// OptionType describes the option in tables.
func (*serverName) OptionType() string { return "boolean or string" }

// DecodeOption reads host or host:port.
func (s *serverName) DecodeOption(v *option.Value) error {
	switch {
	case v.Kind == option.Null, v.Kind == option.Boolean && strings.EqualFold(v.Text, "false"):
		*s = ""
		return nil
	case v.Kind != option.String:
		return v.Wrong("string")
	}
	full, err := address(v.Text)
	if err != nil {
		return v.Faultf(option.NotAllowed, "must be host or host:port, got %q", v.Text)
	}
	*s = serverName(full)
	return nil
}

var errNoAddress = errors.New("it is no host or host:port")

// address adds the usual port to a host without one.
func address(text string) (string, error) {
	if ip := net.ParseIP(strings.Trim(text, "[]")); ip != nil {
		return net.JoinHostPort(ip.String(), defaultPort), nil
	}
	if !strings.Contains(text, ":") {
		text += ":" + defaultPort
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || port == "" {
		return "", errNoAddress
	}
	return text, nil
}
