package accesslog

import "bytes"

// tellingKeys are names that hardly anything but an Envoy access log uses. Names
// like "path" or "duration" tell something only as the first key of an object.
var tellingKeys = [...]key{
	keyStart, keyFlags, keyCode, keyDetails, keyCluster, keyUpstreamHost, keyUpstreamLocal,
	keyServiceTime, keyTransportFailure, keyDownstreamRemote, keyDownstreamLocal,
	keyTerminationDetails, keyServerName, keyForwardedFor, keyPathHeader, keyServiceTimeHeader,
	keyAuthority,
}

// claimsEntry reports whether b, which begins with "{" and is not one JSON
// object, looks like an entry or a wrapper of one: torn in writing or in
// shipping, or mixed up with another line.
func claimsEntry(b []byte) bool {
	if claimsFirstKey(bytes.TrimLeft(b[1:], " \t\r\n"), `"`) {
		return true
	}
	// An entry escaped in a wrapper begins with {\" and its first key.
	for rest := b; ; {
		i := bytes.Index(rest, []byte(`{\"`))
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if claimsFirstKey(rest, `\"`) {
			return true
		}
	}
	for _, k := range tellingKeys {
		if k == keyAuthority && bytes.Contains(b, []byte(`"commonProperties"`)) {
			// The proto JSON of Envoy's gRPC access log
			// (envoy.data.accesslog.v3.HTTPAccessLogEntry), which is foreign,
			// has this one name in common with Istio's format.
			continue
		}
		if hasKey(b, keyNames[k]) {
			return true
		}
	}
	return wrapsText(b)
}

// claimsFirstKey reports whether b begins with a quoted key of an entry, or ends
// within what may become a key that the parser knows.
func claimsFirstKey(b []byte, quote string) bool {
	b, ok := bytes.CutPrefix(b, []byte(quote))
	if !ok {
		return false
	}
	name, _, whole := bytes.Cut(b, []byte(quote))
	if whole {
		return keyOf(name).ofEntry()
	}
	return beginsKey(bytes.TrimSuffix(b, []byte(`\`)))
}

// hasKey reports whether "name" is in b, its quotes escaped or not.
func hasKey(b []byte, name string) bool {
	for {
		i := bytes.Index(b, []byte(name))
		if i < 0 {
			return false
		}
		end := i + len(name)
		if i > 0 && b[i-1] == '"' && end < len(b) && (b[end] == '"' || b[end] == '\\') {
			return true
		}
		b = b[end:]
	}
}

// wrapsText reports whether a text entry begins somewhere in b.
func wrapsText(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '[')
		if i < 0 {
			return false
		}
		b = b[i:]
		if _, rest, ok := cutTime(b); ok {
			switch {
			case len(rest) == 0, bytes.HasPrefix([]byte(` \"`), rest), bytes.HasPrefix(rest, []byte(` \"`)):
				return true
			}
		}
		b = b[1:]
	}
}
