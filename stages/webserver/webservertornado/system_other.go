//go:build !linux

package webservertornado

// load is not known here.
func load() any { return nil }

// memory is not known here.
func memory() any { return nil }

// disks are not known here.
func disks() map[string]any { return map[string]any{} }

func cpuSeconds() float64 { return 0 }

func residentBytes() uint64 { return 0 }
