package correlate

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
)

// Halves that nothing but their lines tells apart are resolved in the order of
// these, whichever came first.
func TestDueInTheOrderOfLines(t *testing.T) {
	const n = 30
	halves := newHalfTable(n, 32<<20)
	defer halves.close()
	var want, got []int64
	for i := range int64(n) {
		want = append(want, i)
	}
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		r := finished(7, classify.Client, epoch0, 500, 504, int64(i%10))
		r.File = int32(i / 10)
		halves.put(r, -1, epoch0+lateness)
	}
	for _, i := range halves.takeDue(epoch0+min1, nil) {
		h := &halves.all[i]
		got = append(got, 10*int64(h.file)+h.line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
