package correlate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
)

// whole is a record that has everything.
func whole() Record {
	r := Record{
		Class: classify.Class{Side: classify.Server, Outcome: classify.DownstreamClosed, HTTP: true, Failure: true, Half: true, Flags: 1<<3 | 1<<31},
		Start: 1_772_446_500_000, Duration: 1 << 36, Code: 503, Attempts: 3, PathClass: 7, Asked: 8, ID: 1 << 63, Connection: 9, Producer: 10,
		Passed: true, Replay: true, File: 70_000, Line: 1 << 40,
	}
	for i, text := range r.texts() {
		*text = fmt.Appendf(nil, "text %d", i)
	}
	return r
}

// What is encoded comes back, with texts apart or within, and where they no
// longer fit.
func TestEncoding(t *testing.T) {
	full := NewTexts()
	for i := range maxTexts {
		if _, ok := full.number(fmt.Appendf(nil, "%200d", i)); !ok {
			break
		}
	}
	for i := 0; i < 200 && full.bytes < maxTextBytes; i++ {
		if _, ok := full.number([]byte{byte(i), byte(i >> 8)}); !ok {
			full.number([]byte{byte(i)})
		}
	}
	if full.bytes != maxTextBytes || len(full.all) > maxTexts {
		t.Errorf("%d texts of %d bytes", len(full.all), full.bytes)
	}
	few := whole()
	few.UpstreamLocal, few.Details, few.RequestID, few.File, few.Replay = few.Peer, nil, nil, 0, false
	negative := Record{Start: -1, Line: 3, Details: []byte("via_upstream")}
	for _, r := range []Record{whole(), few, negative, {}} {
		var sizes []int
		for _, texts := range []*Texts{nil, NewTexts(), full} {
			for range 2 {
				b := r.AppendTo([]byte("x"), texts)[1:]
				var back Record
				if err := back.Decode(b, texts); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(r, back); diff != "" {
					t.Error(diff)
				}
				sizes = append(sizes, len(b))
			}
		}
		if r.Peer != nil && (sizes[2] > sizes[0]-30 || sizes[4] != sizes[0]) {
			t.Errorf("encoded in %v bytes", sizes)
		}
	}
}

// Bytes that are no record are an error; those that are one mean one thing.
func FuzzDecode(f *testing.F) {
	texts := NewTexts()
	r := whole()
	f.Add(r.AppendTo(nil, nil))
	f.Add(r.AppendTo(nil, texts))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, back Record
		if r.Decode(b, texts) != nil {
			return
		}
		if err := back.Decode(r.AppendTo(nil, nil), nil); err != nil || back.Compare(&r) != 0 || back.Rank() != r.Rank() {
			t.Fatal(cmp.Diff(r, back), err)
		}
	})
}

// Records that end at the same time have one order, whichever comes first, and
// those that differ in anything are never equal.
func TestCompare(t *testing.T) {
	base := whole()
	variants := []Record{base}
	vary := func(f func(*Record)) {
		r := whole()
		f(&r)
		variants = append(variants, r)
	}
	vary(func(r *Record) { r.Side = classify.Client })
	vary(func(r *Record) { r.Outcome = classify.OK })
	vary(func(r *Record) { r.Start, r.Duration = r.Start+1, r.Duration-1 })
	vary(func(r *Record) { r.Code = 504 })
	vary(func(r *Record) { r.Flags = 1 })
	vary(func(r *Record) { r.Attempts = 2 })
	vary(func(r *Record) { r.PathClass = 1 })
	vary(func(r *Record) { r.Asked = 1 })
	vary(func(r *Record) { r.Passed = false })
	vary(func(r *Record) { r.File = 1 })
	vary(func(r *Record) { r.Line = 1 })
	for i := range numTexts {
		vary(func(r *Record) { *r.texts()[i] = []byte("other") })
		vary(func(r *Record) { *r.texts()[i] = nil })
	}
	order := func(a, b *Record) int {
		if a.Rank() != b.Rank() {
			if a.Rank() < b.Rank() {
				return -1
			}
			return 1
		}
		return a.Compare(b)
	}
	for i := range variants {
		for j := range variants {
			there, back := order(&variants[i], &variants[j]), order(&variants[j], &variants[i])
			if there != -back || (there == 0) != (i == j) {
				t.Errorf("%d and %d: %d and %d\n%s", i, j, there, back, cmp.Diff(variants[i], variants[j]))
			}
		}
	}
}

// Texts are told apart by all of their bytes and keep none of the caller's.
func TestTexts(t *testing.T) {
	texts, rng := NewTexts(), rand.New(rand.NewPCG(1, 1))
	known := map[string]uint32{}
	for range 10_000 {
		b := fmt.Append(nil, rng.IntN(500))
		want := string(b)
		n, ok := texts.number(b)
		if before, again := known[want]; !ok || again && before != n {
			t.Fatal(want, n, before, ok)
		}
		known[want] = n
		clear(b)
		if !bytes.Equal(texts.all[n], []byte(want)) {
			t.Fatalf("%q is %q", want, texts.all[n])
		}
	}
}
