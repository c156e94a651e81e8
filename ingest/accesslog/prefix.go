package accesslog

import "bytes"

// maxPrefixes bounds how many prefixes a line may have. kubectl logs with
// --prefix and --timestamps writes two, docker compose and Emissary one each.
const maxPrefixes = 4

// stripPrefixes takes off what was put in front of a line and notes what it
// says: the time, and the pod that wrote the line. piece says that the content
// is a piece that the container runtime split off, its mark in front.
func (p *Parser) stripPrefixes(line []byte, r *Record) (content []byte, piece bool) {
	for range maxPrefixes {
		line = trimSpace(line)
		if len(line) == 0 || line[0] == '{' || line[0] == '"' {
			break
		}
		var ok bool
		switch {
		case line[0] == '[':
			line, ok = stripPod(line, r)
		case isDigit(line[0]):
			line, piece, ok = p.stripTime(line)
		default:
			line, ok = stripName(line)
		}
		if piece {
			return line, true
		}
		if !ok {
			break
		}
	}
	return line, false
}

// stripPod takes off "[pod/NAME/CONTAINER] " (kubectl logs --prefix).
func stripPod(line []byte, r *Record) ([]byte, bool) {
	inner, ok := bytes.CutPrefix(line, []byte("[pod/"))
	if !ok {
		return line, false
	}
	inner, rest, ok := bytes.Cut(inner, []byte("] "))
	if !ok {
		return line, false
	}
	name, _, ok := bytes.Cut(inner, []byte("/"))
	if !ok || len(name) == 0 || bytes.IndexByte(name, ' ') >= 0 {
		return line, false
	}
	r.Writer.Pod = name
	return rest, true
}

// stripTime takes off "TIME " (kubectl logs --timestamps) and
// "TIME stdout F " (the CRI's log files).
func (p *Parser) stripTime(line []byte) (rest []byte, piece, ok bool) {
	word, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return line, false, false
	}
	ms, ok := parseTime(word)
	if !ok {
		return line, false, false
	}
	p.setEnded(ms, true)

	content, ok := bytes.CutPrefix(rest, []byte("stdout "))
	if !ok {
		content, ok = bytes.CutPrefix(rest, []byte("stderr "))
	}
	if !ok || len(content) == 0 || content[0] != 'F' && content[0] != 'P' ||
		len(content) > 1 && content[1] != ' ' {
		return rest, false, true
	}
	if content[0] == 'P' {
		return content, true, true
	}
	return content[1:], false, true
}

// stripName takes off "ACCESS " (Emissary) and "name_1  | " (docker compose).
func stripName(line []byte) ([]byte, bool) {
	if rest, ok := bytes.CutPrefix(line, []byte("ACCESS ")); ok {
		return rest, true
	}
	name, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return line, false
	}
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c), c == '-', c == '_', c == '.':
		default:
			return line, false
		}
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte("| "))
	if !ok {
		return line, false
	}
	return rest, true
}
