package webservertornado

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// load is the load of the last minute, five and fifteen minutes, or nil.
func load() any {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return nil
	}
	var l [3]float64
	if _, err := fmt.Sscan(string(text), &l[0], &l[1], &l[2]); err != nil {
		return nil
	}
	return l
}

// memory is the memory of the machine in bytes, or nil.
func memory() any {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return nil
	}
	defer f.Close() // it was only read
	kilobytes := map[string]uint64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		parts := strings.Fields(lines.Text())
		if len(parts) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(parts[1], 10, 64); err == nil {
			kilobytes[strings.TrimSuffix(parts[0], ":")] = n
		}
	}
	total, available := kilobytes["MemTotal"]<<10, kilobytes["MemAvailable"]<<10
	if total == 0 {
		return nil
	}
	used := total - min(available, total)
	return map[string]any{"total": total, "used": used, "available": available, "percent": percent(used, total)}
}

func percent(part, whole uint64) float64 {
	return float64(part*1000/max(whole, 1)) / 10
}

// disks are the file systems that are on a device, by where they are mounted.
func disks() map[string]any {
	all := map[string]any{}
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return all
	}
	for _, path := range mounted(string(text)) {
		var s syscall.Statfs_t
		if syscall.Statfs(path, &s) != nil || s.Blocks == 0 {
			continue
		}
		size := uint64(s.Bsize)
		total, free := s.Blocks*size, s.Bavail*size
		used := (s.Blocks - s.Bfree) * size
		all[path] = map[string]any{"total": total, "used": used, "free": free, "percent": percent(used, total)}
	}
	return all
}

// mounted are the places of devices, the first one of each, in the form of /proc/mounts.
func mounted(text string) (paths []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		parts := strings.Fields(line)
		if len(parts) < 2 || !strings.HasPrefix(parts[0], "/dev/") || seen[parts[0]] {
			continue
		}
		seen[parts[0]] = true
		paths = append(paths, unescape.Replace(parts[1]))
	}
	return paths
}

// unescape undoes what the kernel does to blanks in names.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// cpuSeconds is the time that the process has spent on CPUs.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// residentBytes is the memory of the process, 0 if it is not known.
func residentBytes() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	parts := strings.Fields(string(text))
	if len(parts) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
