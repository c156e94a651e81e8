package report

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Safe returns text from a log with everything escaped that a terminal or a
// reader could take for something else: control characters (C0, DEL, C1),
// bidirectional controls and bytes that are no UTF-8.
func Safe(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unsafe(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unsafe(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0x9f) || (r >= 0x202a && r <= 0x202e) ||
		(r >= 0x2066 && r <= 0x2069) || r == utf8.RuneError
}

// SafeJSON escapes in encoded JSON what Safe escapes in text.
func SafeJSON(b []byte) []byte {
	inString := func(r rune) bool { return r >= 0x7f && unsafe(r) && r != utf8.RuneError }
	s := string(b)
	if strings.IndexFunc(s, inString) < 0 {
		return b
	}
	var out strings.Builder
	for _, r := range s {
		if inString(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return []byte(out.String())
}

var dnsName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// word returns s if it may stand in a command, else a placeholder: whoever
// sent a request may have written it to be pasted into a shell.
func word(s, placeholder string) string {
	if len(s) > 0 && len(s) <= 253 && dnsName.MatchString(s) {
		return s
	}
	return "<" + placeholder + ">"
}

// ipOf returns the address of an ip:port; "" where it is none.
func ipOf(host string) string {
	a, err := netip.ParseAddrPort(host)
	if err != nil || a.Addr().Zone() != "" {
		return ""
	}
	return a.Addr().String()
}
