package workload

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// A Twist makes a line of the format JSON hard to read and appends it to dst.
// Lines of one log are given to one twist, in order. It is for one goroutine.
type Twist func(dst, line []byte) []byte

// ShuffledKeys writes the keys of each line in a new order.
func ShuffledKeys(seed uint64) Twist {
	rng := rand.New(rand.NewPCG(seed, 0))
	var all [][]byte
	return func(dst, line []byte) []byte {
		all = members(all[:0], line)
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return object(dst, all)
	}
}

// EscapedValues writes the first letter of each text as an escape, so that none
// can be taken from the line as it stands.
func EscapedValues() Twist {
	var all [][]byte
	return func(dst, line []byte) []byte {
		all = members(all[:0], line)
		dst = append(dst, '{')
		for i, m := range all {
			if i > 0 {
				dst = append(dst, ',')
			}
			from := bytes.Index(m, []byte(`":`)) + 2
			if len(m) > from+2 && m[from] == '"' && m[from+1] != '\\' {
				dst = fmt.Appendf(append(dst, m[:from+1]...), `\u%04x`, m[from+1])
				from += 2
			} else {
				dst = append(dst, m[:from]...)
			}
			dst = append(dst, m[from:]...)
		}
		return append(dst, '}')
	}
}

// LongPaths gives each path 64 KiB.
func LongPaths() Twist {
	const key, size = `"path":"`, 64 << 10
	fill := []byte(strings.Repeat("/a-long-way", size/len("/a-long-way")+1))
	return func(dst, line []byte) []byte {
		head, rest, ok := bytes.Cut(line, []byte(key))
		if !ok {
			return append(dst, line...)
		}
		path, _, _ := bytes.Cut(rest, []byte(`"`))
		dst = append(append(dst, head...), key...)
		dst = append(dst, fill[:max(size-len(path), 0)]...)
		return append(dst, rest...)
	}
}

// NewServices names another service on every line, as whoever calls what does
// not exist may do. It is for the logs of Corpus and its like.
func NewServices() Twist {
	service := regexp.MustCompile(`[a-z]+-api-[0-9]+`)
	n := 0
	return func(dst, line []byte) []byte {
		n++
		name := fmt.Appendf(nil, "-%d", n)
		from := 0
		for _, at := range service.FindAllIndex(line, -1) {
			dst = append(append(dst, line[from:at[1]]...), name...)
			from = at[1]
		}
		return append(dst, line[from:]...)
	}
}

// members appends the "key":value pairs of a flat object to all, as they stand
// in the line.
func members(all [][]byte, line []byte) [][]byte {
	inText, from := false, 1
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && (c == ',' || c == '}'):
			all = append(all, line[from:i])
			from = i + 1
		}
	}
	return all
}

func object(dst []byte, all [][]byte) []byte {
	for i, m := range all {
		dst = append(append(dst, "{,"[min(i, 1)]), m...)
	}
	return append(dst, '}')
}
