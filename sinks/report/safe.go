package report

import (
	"fmt"
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
