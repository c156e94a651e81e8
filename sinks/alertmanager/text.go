package alertmanager

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slowpod/slowpod/sinks/report"
)

// How long text may be, in bytes. A name in Kubernetes has at most 253.
const (
	maxLabel = 256
	maxTitle = 256
	maxStory = 2048
	maxLine  = 1024
	maxItems = 10
	// maxValues is how many values of a field evidence has.
	maxValues = 3
)

const ellipsis = "…"

// bounded makes text from a log safe, and no longer than most bytes.
func bounded(s string, most int) string {
	// Safe never makes text shorter, so what is cut off here would not stay.
	s = report.Safe(s[:min(len(s), most+utf8.UTFMax)])
	if len(s) <= most {
		return s
	}
	end := most - len(ellipsis)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// list writes at most maxItems, and says how many more there are.
func list(items []string) string {
	var b strings.Builder
	for i, item := range items {
		if i == maxItems {
			fmt.Fprintf(&b, " and %d more", len(items)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(bounded(item, maxLabel))
	}
	return b.String()
}

// numbers writes evidence as name=value, with >= where it is a lower bound.
func numbers(e *report.Evidence) string {
	var all []string
	count := func(name string, n uint64) { all = append(all, name+"="+strconv.FormatUint(n, 10)) }
	ratio := func(name string, v *float64, cut bool) {
		if v == nil {
			return
		}
		sign := "="
		if cut {
			sign = ">="
		}
		all = append(all, name+sign+strconv.FormatFloat(*v, 'f', 1, 64))
	}
	count("requests", e.Requests)
	if e.Failures != nil {
		count("failures", *e.Failures)
		if e.TimeoutMS != nil {
			count("timeout_ms", uint64(*e.TimeoutMS))
		}
		for _, values := range [...]struct {
			name string
			all  []report.Value
		}{{"code", e.Codes}, {"flags", e.Flags}, {"details", e.Details}, {"reason", e.Reasons}, {"host", e.Hosts}} {
			for _, v := range values.all[:min(len(values.all), maxValues)] {
				count(values.name+"["+v.Value+"]", v.Count)
			}
		}
		if e.Authority != nil {
			all = append(all, "authority="+*e.Authority)
		}
		return strings.Join(all, " ")
	}
	count("timeouts", e.Timeouts)
	count("confirmed", e.Confirmed)
	count("disconnects", e.Disconnects)
	if e.TimeoutMS != nil {
		all = append(all, "timeout_ms="+strconv.FormatInt(*e.TimeoutMS, 10))
	}
	ratio("p50_ratio", e.P50Ratio, e.P50Cut)
	ratio("p90_ratio", e.P90Ratio, e.P90Cut)
	count("siblings", e.Siblings)
	return strings.Join(all, " ")
}

// steps writes what to do next, one step a line. A command is whole or it is not
// there: half of one is another command.
func steps(next []report.Step) string {
	var lines []string
	for i, s := range next {
		if i == maxItems {
			lines = append(lines, fmt.Sprintf("and %d more", len(next)-i))
			break
		}
		why := bounded(s.Why, maxLine)
		if s.Changes {
			why += " (changes the cluster)"
		}
		command := report.Safe(s.Command)
		if len(command) > maxLine {
			command = "(too long: see slowpod’s page)"
		}
		lines = append(lines, fmt.Sprintf("%d. %s: %s", i+1, why, command))
	}
	return strings.Join(lines, "\n")
}
