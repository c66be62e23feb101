package simplestats

import (
	"bufio"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor/event"
)

// figures are the names of process_statistics.
var figures = []string{"cpu_percent", "memory_percent", "memory_info", "num_threads", "num_fds", "io_counters", "cpu_times"}

// usage reads figures of the process from /proc (proc(5)). Where there is no /proc they
// are left out.
type usage struct{ cpu time.Duration }

func (u *usage) figure(name string, passed time.Duration) (event.Value, bool) {
	switch name {
	case "cpu_percent":
		user, system, ok := cpuTimes()
		spent := user + system - u.cpu
		u.cpu = user + system
		return event.Float(percent(spent.Seconds(), passed.Seconds())), ok && passed > 0
	case "memory_percent":
		rss, ok := table("/proc/self/status", "VmRSS:")
		total, ok2 := table("/proc/meminfo", "MemTotal:")
		return event.Float(percent(float64(rss), float64(total))), ok && ok2
	case "memory_info":
		rss, ok := table("/proc/self/status", "VmRSS:")
		vms, ok2 := table("/proc/self/status", "VmSize:")
		return record("rss", rss<<10, "vms", vms<<10), ok && ok2
	case "num_threads":
		n, ok := table("/proc/self/status", "Threads:")
		return event.Int(n), ok
	case "num_fds":
		list, err := os.ReadDir("/proc/self/fd")
		return event.Int(int64(len(list))), err == nil
	case "io_counters":
		read, ok := table("/proc/self/io", "rchar:")
		written, ok2 := table("/proc/self/io", "wchar:")
		return record("read_bytes", read, "write_bytes", written), ok && ok2
	case "cpu_times":
		user, system, ok := cpuTimes()
		m := event.NewMap(2)
		m.Set(event.Intern("user"), event.Float(user.Seconds()))
		m.Set(event.Intern("system"), event.Float(system.Seconds()))
		return event.MapOf(m), ok
	}
	return event.Null, false
}

// percent rounds to two digits.
func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Round(part/whole*10000) / 100
}

func record(pairs ...any) event.Value {
	m := event.NewMap(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		m.Set(event.Intern(pairs[i].(string)), event.Int(pairs[i+1].(int64)))
	}
	return event.MapOf(m)
}

// table reads the number behind a name in a file of lines.
func table(path, name string) (int64, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) < 2 || columns[0] != name {
			continue
		}
		n, err := strconv.ParseInt(columns[1], 10, 64)
		return n, err == nil
	}
	return 0, false
}

// ticksPerSecond is the unit of times in /proc, the same on all usual systems.
const ticksPerSecond = 100

// cpuTimes reads columns 14 and 15 of /proc/self/stat, counted from behind the name of
// the program, which may hold blanks.
func cpuTimes() (user, system time.Duration, ok bool) {
	if runtime.GOOS != "linux" {
		return 0, 0, false
	}
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, false
	}
	columns := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(columns) < 13 {
		return 0, 0, false
	}
	u, err1 := strconv.ParseInt(columns[11], 10, 64)
	s, err2 := strconv.ParseInt(columns[12], 10, 64)
	return time.Duration(u) * time.Second / ticksPerSecond, time.Duration(s) * time.Second / ticksPerSecond, err1 == nil && err2 == nil
}
