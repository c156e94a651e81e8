package process

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine says what it is that something is measured on: processor, cores,
// memory, Go, kernel, as far as the system tells.
func Machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	memory := ""
	if kib := procField("/proc/meminfo", "MemTotal"); kib != "" {
		var n int64
		_, _ = fmt.Sscan(kib, &n) // 0 where it is no number
		memory = fmt.Sprintf("%d GiB, ", n>>20)
	}
	return fmt.Sprintf("%s, %d cores, %s%s %s/%s, kernel %s", procField("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		memory, runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)))
}

// procField is the first value of a name in a file of /proc.
func procField(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
