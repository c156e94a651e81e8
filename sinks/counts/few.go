package counts

import "cmp"

// CustomOther stands for custom flags and unknown words beyond their bounds.
const CustomOther = "other"

// maxFew bounds the custom flags that are told apart, and the unknown words; the
// rest counts as CustomOther.
const maxFew = 100

// few counts names that somebody else chose, and tells only so many apart: those
// that sort first. So the counts of some lines depend neither on the order of
// the lines nor on who counted which.
type few[K name[K]] struct {
	counts map[K]uint64 // nil where there is nothing
	apart  int          // how many are told apart
	last   K            // the last of these
}

// name is a key of few.
type name[K any] interface {
	comparable
	compare(K) int
	// other is the key of the rest, of which this would be part.
	other() K
}

func (f *few[K]) add(k K, n uint64) {
	if f.counts == nil {
		f.counts = map[K]uint64{}
	}
	other := k.other()
	if _, known := f.counts[k]; known || k == other {
		f.counts[k] += n
		return
	}
	if f.apart < maxFew {
		f.counts[k] = n
		if f.apart++; f.apart == 1 || k.compare(f.last) > 0 {
			f.last = k
		}
		return
	}
	if k.compare(f.last) > 0 {
		f.counts[other] += n
		return
	}
	f.counts[f.last.other()] += f.counts[f.last]
	delete(f.counts, f.last)
	f.counts[k] = n
	f.findLast()
}

func (f *few[K]) findLast() {
	f.apart = 0
	for k := range f.counts {
		if k == k.other() {
			continue
		}
		if f.apart++; f.apart == 1 || k.compare(f.last) > 0 {
			f.last = k
		}
	}
}

// plus adds from to to, as if one had counted both.
func plus[K name[K]](to, from map[K]uint64) map[K]uint64 {
	f := few[K]{counts: to}
	f.findLast()
	for k, n := range from {
		f.add(k, n)
	}
	return f.counts
}

func (c CustomFlag) compare(o CustomFlag) int {
	return cmp.Or(cmp.Compare(c.Name, o.Name), cmp.Compare(c.Side, o.Side))
}

func (c CustomFlag) other() CustomFlag { return CustomFlag{c.Side, CustomOther} }

func (w UnknownWord) compare(o UnknownWord) int {
	return cmp.Or(cmp.Compare(w.Text, o.Text), cmp.Compare(w.Field, o.Field), cmp.Compare(w.Side, o.Side))
}

func (w UnknownWord) other() UnknownWord { return UnknownWord{w.Side, w.Field, CustomOther} }
