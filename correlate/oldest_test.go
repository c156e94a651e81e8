package correlate

import "testing"

// scanOldest is Oldest as it is meant: slow and plain.
func (c *Correlator) scanOldest(file int32) (line int64, ok bool) {
	for i := range c.join.halves.all {
		if h := &c.join.halves.all[i]; h.open && h.file == file && (!ok || h.line < line) {
			line, ok = h.line, true
		}
	}
	for _, s := range c.streams {
		for i := range s.held {
			if h := &s.held[i]; h.half && h.file == file && (!ok || h.line < line) {
				line, ok = h.line, true
			}
		}
	}
	return line, ok
}

// Whenever it is asked, it is what the open halves say.
func TestOldest(t *testing.T) {
	const files = 5
	s := newScene(12)
	s.traffic(0, 6*min1, 4, 10, func(int64, int) end { return s.share(0.3, timeout) })
	c := New(Config{Bounds: DefaultBounds()})
	records := s.byEnd()
	seen := map[bool]int{}
	for i := range records {
		r := &records[i]
		r.File, r.Line = int32(i%files), 1<<40+int64(i/files)
		feed(c).Add(r)
		if i%7 != 0 {
			continue
		}
		for file := range int32(files + 1) {
			line, ok := c.Oldest(file)
			if wantLine, want := c.scanOldest(file); line != wantLine || ok != want {
				t.Fatalf("record %d, file %d: %d %v, want %d %v", i, file, line, ok, wantLine, want)
			}
			seen[ok]++
		}
	}
	c.Close()
	if _, ok := c.Oldest(0); ok || seen[true] == 0 || seen[false] == 0 {
		t.Errorf("at the end %v; answers %v", ok, seen)
	}
}

// BenchmarkOldest is a commit of 64 partitions in a storm.
func BenchmarkOldest(b *testing.B) {
	bounds := DefaultBounds()
	c := New(Config{Bounds: bounds})
	for i := range bounds.Halves {
		r := finished(uint64(i)*0x9e3779b97f4a7c15, 0, epoch0, 1, 504, int64(i))
		r.File = int32(i % 64)
		c.join.halves.put(r, -1, epoch0+minWait)
	}
	for b.Loop() {
		c.oldest.fresh = false
		for file := range int32(64) {
			c.Oldest(file)
		}
	}
}
