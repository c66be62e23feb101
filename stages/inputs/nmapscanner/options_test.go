package nmapscanner_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/nmapscanner"
)

func TestFaultsNameTheOptionAndWhatIsWrong(t *testing.T) {
	for options, want := range map[string]string{
		"interval: 5":                                "network",
		"network: ''":                                "network: must not be empty",
		"network: --script=x":                        `network: must be one address, name or range, got "--script=x"`,
		"network: -sL":                               `got "-sL"`,
		"network: 10.0.0.0 10.1.0.0":                 "several networks need several modules",
		"network: 10.0.0.0\nnetmask: 24":             "netmask",
		"network: 10.0.0.0\nnetmask: '24'":           `netmask: must be a slash and a number, as in /24, or empty, got "24"`,
		"network: 10.0.0.0\nnetmask: /33":            "must be from /0 to /32, got /33",
		"network: 10.0.0.0/8\nnetmask: /24":          "cannot be set together with a network that has a prefix",
		"network: '::1'":                             "netmask: required option is missing: an IPv6 network needs one",
		"network: '::1'\nnetmask: /129":              "must be from /0 to /128, got /129",
		"network: x\nports: '22 80'":                 `ports: must be ports as nmap writes them, as in 22,80-90, got "22 80"`,
		"network: x\nports: 22\narguments: -sT -F":   "ports: cannot be set together with -F in arguments",
		"network: x\nports: 22\narguments: -p 80":    "ports: cannot be set together with -p in arguments",
		"network: x\narguments: -sT 'x":              "arguments: a quote is not closed",
		"network: x\narguments: -sT --max-rate":      "the argument --max-rate needs a value",
		"network: 10.0.0.0\narguments: -sT -6":       "-6 does not fit the IPv4 network 10.0.0.0",
		"network: x\nexclude: [-iL]":                 `exclude: must be a list of addresses, names, networks and ranges, got "-iL"`,
		"network: x\nexclude: ['10.0.0.1,10.0.0.2']": `got "10.0.0.1,10.0.0.2"`,
		"network: x\nnmap_path: ''":                  "nmap_path: must not be empty",
		"network: x\ninterval: 0":                    "interval",
		"network: x\nparallel_hosts: 0":              "parallel_hosts",
		"network: x\nscan_timeout_in_secs: -1":       "scan_timeout_in_secs",
		"network: x\narguments: -oN /etc/passwd":     `the argument "-oN" is not allowed: the module reads the output of nmap, which must not go to files`,
		"network: x\narguments: -sT -oX -":           `"-oX" is not allowed`,
		"network: x\narguments: --script /srv/x.nse": `no files, got "/srv/x.nse"`,
		"network: x\narguments: --script=../x":       `no files, got "../x"`,
		"network: x\narguments: --datadir /srv":      "nmap must use the files that it came with",
		"network: x\narguments: -sT 10.0.0.9":        `the argument "10.0.0.9" is not allowed: the hosts to scan come from network`,
		"network: x\narguments: -sT -- 10.0.0.9":     `the argument "--" is not allowed`,
		"network: x\narguments: --exclude 10.0.0.9":  "there is the option exclude",
		"network: x\narguments: '\"a\\0b\"'":         "",
		"network: x\narguments: \"-D \\0\"":          "a zero byte cannot be passed to a program",
		"network: x\narguments: --shiny":             `the argument "--shiny" is not one of those that are allowed`,
	} {
		err := actortest.Options(t, nmapscanner.Spec, options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", options, err, want)
		}
	}
}

func TestArgumentsThatDoOtherThingsThanScan(t *testing.T) {
	for _, args := range []string{
		"-oN x", "-oNx", "--oN x", "-oG x", "-oS x", "-oA x", "-oA", "-oX x", "-oX - ", "-o x", "-oM x", "-oH x",
		"--append-output", "--append_output", "--stylesheet x", "--style x", "-stylesheet x", "--stylesheet=x", "--webxml", "--no-stylesheet",
		"--resume x", "--res x", "-iL x", "-iLx", "--iL x", "-iR 5", "--excludefile x", "--excludef=x", "--exclude-file x",
		"--script-args-file x", "--script-args-file=x", "--script_args_file=x", "--script-updatedb", "--script-help all",
		"--datadir x", "--datad=x", "-datadir x", "--servicedb x", "--versiondb x", "--script=x.nse", "--script x/", "--script=", "--script @x",
		"-sn", "-sL", "-sP", "-sTn", "-V", "-h", "--help", "--version", "--iflist", "-d", "-d9", "--packet-trace", "--version-trace", "--script-trace",
		"-sI zombie", "-b ftp.example", "-", "--", "''", "x", "-privileged", "-p", "-T", "-p22 -pr", "-e", "--interactive",
		"--Script=default", "--max_retries 3", "--max-ret 3", "-sT\n-oN\nx", "--script default,/x", "-F=", "-p=22x/", "-D=x", "--reason=-oN",
	} {
		err := actortest.Options(t, nmapscanner.Spec, "network: x\narguments: "+yamlText(args))
		if err == nil || !strings.Contains(err.Error(), "arguments: the argument") {
			t.Errorf("%q is allowed: %v", args, err)
		}
	}
}

func TestArgumentsThatScan(t *testing.T) {
	for _, args := range []string{
		"", "-O -F --osscan-limit", "-sT", "-sS", "-sSUV", "-sV --version-intensity 5", "-A -T4", "-T 4", "-p 22", "-p22,80", "-p-", "-p T:22,U:53 -sU", "-pT:22",
		"--top-ports 100", "--top-ports=100", "-Pn -n", "-PS22,80 -PA -PE", "-PU53", "-sC", "--script http-title", "--script=default,safe", "--script 'http-* and not (brute or dos)'",
		"--script-args 'http.useragent=\"a b\"'", "--min-rate 100 --max-retries=2", "--host-timeout 30m", "-e eth0 -S 10.0.0.1 -g 53", "-D RND:5,ME", "--reason --open -v -vv", "--dns-servers 1.1.1.1", "-f -ff --mtu 8",
		"--data-string '-oN x'", "--privileged",
	} {
		if err := actortest.Options(t, nmapscanner.Spec, "network: x\narguments: "+yamlText(args)); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestNetworks(t *testing.T) {
	for _, network := range []string{"192.168.2.0", "192.168.2.0/24", "10.0.0-3.1-254\nnetmask: ''", "10.0.*.1,3\nnetmask: ''", "scanme.example.org\nnetmask: ''", "host_1", "'::1'\nnetmask: /128", "'fe80::1%eth0'\nnetmask: ''", "'2001:db8::/120'"} {
		if err := actortest.Options(t, nmapscanner.Spec, "network: "+network); err != nil {
			t.Errorf("%s: %v", network, err)
		}
	}
}

// yamlText writes a text as YAML.
func yamlText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
