package correlate

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/slowpod/slowpod/classify"
)

// What is set in the first four bytes of an encoded record: the text fields that
// are there, in the order of Record.texts, and then these.
const (
	bitHTTP = 1 << (numTexts + iota)
	bitFailure
	bitHalf
	bitReplay
	bitPassed
	bitLocalIsPeer // UpstreamLocal is not there: it is Peer
	bitViaUpstream // Details are not there: they are those of nearly all
)

const (
	numTexts    = 17
	repeated    = 9 // the first texts repeat from record to record
	headerBytes = 4 + 2 + 4 + 4 + 4*8
)

// texts lists the text fields in the order of the encoding.
func (r *Record) texts() [numTexts]*[]byte {
	return [numTexts]*[]byte{
		&r.Target.Service, &r.Target.Subset, &r.Label, &r.Namespace, &r.Pod, &r.PodID, &r.Node,
		&r.FlagText, &r.Details,
		&r.UpstreamHost, &r.RequestID, &r.Peer, &r.UpstreamLocal,
		&r.Reason, &r.Authority, &r.ServerName, &r.Downstream,
	}
}

// The places of some of them.
const (
	textDetails       = 8
	textUpstreamLocal = 12
)

var viaUpstream = []byte("via_upstream")

// Texts keeps the texts that records repeat once each, and numbers them, so that
// a record that is encoded with it takes few bytes. It is for one goroutine at a
// time. Once full, it leaves further texts in the records.
type Texts struct {
	numbers map[string]uint32
	all     [][]byte
	bytes   int
	last    [1 << lastBits]uint32 // numbers, by place: see number
}

const (
	// What a Texts keeps: the names of 10,000 pods and their addresses take half.
	maxTexts     = 1 << 17
	maxTextBytes = 8 << 20

	lastBits = 12
)

// NewTexts returns a Texts that holds nothing.
func NewTexts() *Texts { return &Texts{numbers: map[string]uint32{}} }

// number returns the number of a text; false where it does not fit. Most are found
// where the last one of that place was, without a map.
func (t *Texts) number(b []byte) (uint32, bool) {
	last := &t.last[lastPlace(b)]
	if n := *last; int(n) < len(t.all) && string(t.all[n]) == string(b) {
		return n, true
	}
	n, ok := t.numbers[string(b)]
	if !ok {
		if len(t.all) >= maxTexts || t.bytes+len(b) > maxTextBytes {
			return 0, false
		}
		n = uint32(len(t.all))
		s := string(b)
		t.numbers[s], t.all = n, append(t.all, []byte(s))
		t.bytes += len(b)
	}
	*last = n
	return n, true
}

// lastPlace is the place of a text, by its ends and its length.
func lastPlace(b []byte) uint64 {
	x := uint64(len(b))
	if len(b) >= 8 {
		x ^= binary.LittleEndian.Uint64(b) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(b[len(b)-8:]), 29)
	} else {
		for _, c := range b {
			x = x<<8 | uint64(c)
		}
	}
	return x * mixed >> (64 - lastBits)
}

// mixed spreads a number over its high bits.
const mixed = 0x9e3779b97f4a7c15

// AppendTo appends the record's encoding to b, with texts in t, unless that is
// nil. Decode needs the same t.
func (r *Record) AppendTo(b []byte, t *Texts) []byte {
	head := len(b)
	b = append(b, make([]byte, headerBytes)...)
	h := b[head:]
	h[4], h[5] = byte(r.Side), byte(r.Outcome)
	binary.LittleEndian.PutUint32(h[6:], uint32(r.Flags))
	binary.LittleEndian.PutUint16(h[10:], r.PathClass)
	binary.LittleEndian.PutUint16(h[12:], r.Asked)
	binary.LittleEndian.PutUint64(h[14:], uint64(r.Start))
	binary.LittleEndian.PutUint64(h[22:], r.Producer)
	binary.LittleEndian.PutUint64(h[30:], r.ID)
	binary.LittleEndian.PutUint64(h[38:], r.Connection)
	b = appendUvarint(b, uint64(r.Duration))
	b = appendUvarint(b, uint64(r.Code))
	b = appendUvarint(b, uint64(r.Attempts))
	b = appendUvarint(b, uint64(uint32(r.File)))
	b = appendUvarint(b, uint64(r.Line))
	texts, there := r.texts(), r.there()
	set := r.marks() | there
	if r.UpstreamLocal != nil && bytes.Equal(r.UpstreamLocal, r.Peer) {
		set, there = set&^(1<<textUpstreamLocal)|bitLocalIsPeer, there&^(1<<textUpstreamLocal)
	}
	if bytes.Equal(r.Details, viaUpstream) {
		set, there = set&^(1<<textDetails)|bitViaUpstream, there&^(1<<textDetails)
	}
	binary.LittleEndian.PutUint32(b[head:], set)
	for ; there != 0; there &= there - 1 {
		i := bits.TrailingZeros32(there)
		text := *texts[i]
		if i < repeated && t != nil {
			if n, ok := t.number(text); ok {
				b = appendUvarint(b, uint64(n)<<1|1)
				continue
			}
		}
		b = appendUvarint(b, uint64(len(text))<<1)
		b = append(b, text...)
	}
	return b
}

// there is the set of text fields that are not nil.
func (r *Record) there() (set uint32) {
	for i, text := range r.texts() {
		if *text != nil {
			set |= 1 << i
		}
	}
	return set
}

// marks are the bits that stand for no text.
func (r *Record) marks() (set uint32) {
	for i, on := range [...]bool{r.HTTP, r.Failure, r.Half, r.Replay, r.Passed} {
		if on {
			set |= bitHTTP << i
		}
	}
	return set
}

// appendUvarint is binary.AppendUvarint, short for the numbers that are.
func appendUvarint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return binary.AppendUvarint(b, v)
}

var errEncoding = errors.New("correlate: not an encoded record")

// Decode fills r from the encoding in b; the text fields borrow from b and t.
func (r *Record) Decode(b []byte, t *Texts) error {
	if len(b) < headerBytes {
		return errEncoding
	}
	set := binary.LittleEndian.Uint32(b)
	*r = Record{} // and then field by field: see From
	r.Side, r.Outcome = classify.Side(b[4]), classify.Outcome(b[5])
	r.HTTP, r.Failure, r.Half = set&bitHTTP != 0, set&bitFailure != 0, set&bitHalf != 0
	r.Replay, r.Passed = set&bitReplay != 0, set&bitPassed != 0
	r.Flags = classify.Set(binary.LittleEndian.Uint32(b[6:]))
	r.PathClass, r.Asked = binary.LittleEndian.Uint16(b[10:]), binary.LittleEndian.Uint16(b[12:])
	r.Start, r.Producer = int64(binary.LittleEndian.Uint64(b[14:])), binary.LittleEndian.Uint64(b[22:])
	r.ID, r.Connection = binary.LittleEndian.Uint64(b[30:]), binary.LittleEndian.Uint64(b[38:])
	d := decoder{rest: b[headerBytes:], texts: t}
	r.Duration, r.Code, r.Attempts = int64(d.uvarint()), int(d.uvarint()), int(d.uvarint())
	r.File, r.Line = int32(d.uvarint()), int64(d.uvarint())
	texts := r.texts()
	for there := set & (1<<numTexts - 1); there != 0; there &= there - 1 {
		*texts[bits.TrailingZeros32(there)] = d.text()
	}
	if set&bitLocalIsPeer != 0 {
		r.UpstreamLocal = r.Peer
	}
	if set&bitViaUpstream != 0 {
		r.Details = viaUpstream
	}
	if d.bad {
		return errEncoding
	}
	return nil
}

// decoder reads numbers and texts; after a fault all reads are zero.
type decoder struct {
	rest  []byte
	texts *Texts
	bad   bool
}

func (d *decoder) uvarint() uint64 {
	if len(d.rest) > 0 && d.rest[0] < 0x80 {
		v := d.rest[0]
		d.rest = d.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text() []byte {
	v := d.uvarint()
	n := v >> 1
	switch {
	case v&1 != 0:
		if d.texts == nil || n >= uint64(len(d.texts.all)) {
			d.bad, d.rest = true, nil
			return nil
		}
		return d.texts.all[n]
	case n > uint64(len(d.rest)):
		d.bad, d.rest = true, nil
		return nil
	}
	text := d.rest[:n:n]
	d.rest = d.rest[n:]
	return text
}

// Rank orders records that end at the same time, mostly: by what they say, not
// by where they stood. Those of equal rank Compare puts in order.
func (r *Record) Rank() uint64 {
	h := (r.ID*mixed ^ r.Connection) * mixed
	h = (h ^ r.Producer ^ uint64(r.Duration)) * mixed
	return uint64(r.Side)<<62 | uint64(r.Outcome&31)<<57 | h>>7
}

// Compare orders records of the same end and rank; the place of the line comes
// last.
func (r *Record) Compare(o *Record) int {
	if c := cmp.Compare(r.Start, o.Start); c != 0 {
		return c
	}
	rest := cmp.Or(
		cmp.Compare(r.Code, o.Code), cmp.Compare(r.Flags, o.Flags), cmp.Compare(r.Attempts, o.Attempts),
		cmp.Compare(r.PathClass, o.PathClass), cmp.Compare(r.Asked, o.Asked), compareBool(r.Passed, o.Passed),
	)
	if rest != 0 {
		return rest
	}
	others := o.texts()
	for i, text := range r.texts() {
		if c := bytes.Compare(*text, *others[i]); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(r.File, o.File), cmp.Compare(r.Line, o.Line))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
