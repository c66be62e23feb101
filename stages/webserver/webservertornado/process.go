package webservertornado

import (
	"os"
	"runtime"
	"time"
)

// process describes the process that runs.
func (s *server) process() map[string]any {
	version, commit := build()
	p := map[string]any{
		"pid": os.Getpid(), "version": version, "commit": commit, "go": runtime.Version(), "goroutines": runtime.NumGoroutine(),
		"started": float64(s.began.UnixMilli()) / 1000, "uptime": time.Since(s.began).Round(time.Second).Seconds(),
		"cpu_seconds": cpuSeconds(), "memory": residentBytes(),
	}
	if s.program != nil {
		plan := s.program.Plan()
		p["config_hash"] = plan.Hash()
		p["config_files"] = plan.Files
		p["last_reload"] = s.lastReload()
	}
	return p
}
