package correlate

import "math"

// oldestLines is, for each file, the first line that an open half needs. Halves
// that come are noted, and halves that go make it stale: then all files are
// looked at anew in one pass, when somebody asks.
type oldestLines struct {
	fresh bool
	lines []int64 // by file; noLine where there is none
}

const noLine = math.MaxInt64

// note takes a half in.
func (o *oldestLines) note(file int32, line int64) {
	if !o.fresh || file < 0 {
		return
	}
	for int(file) >= len(o.lines) {
		o.lines = append(o.lines, noLine)
	}
	o.lines[file] = min(o.lines[file], line)
}

// Oldest returns the place of the first line of a file that an open half still
// needs; false where there is none. It costs next to nothing until a slice has
// closed.
func (c *Correlator) Oldest(file int32) (line int64, ok bool) {
	o := &c.oldest
	if !o.fresh {
		o.fresh = true
		for i := range o.lines {
			o.lines[i] = noLine
		}
		for i := range c.join.halves.all {
			if h := &c.join.halves.all[i]; h.open {
				o.note(h.file, h.line)
			}
		}
		for _, s := range c.streams {
			for i := range s.held {
				if h := &s.held[i]; h.half {
					o.note(h.file, h.line)
				}
			}
		}
	}
	if file < 0 || int(file) >= len(o.lines) || o.lines[file] == noLine {
		return 0, false
	}
	return o.lines[file], true
}
