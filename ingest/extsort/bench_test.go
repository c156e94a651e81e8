package extsort

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkSort(b *testing.B) {
	const n, size = 1 << 20, 64
	rng := rand.New(rand.NewPCG(1, 1))
	for _, order := range []string{"random", "nearly sorted"} {
		for _, maxBytes := range []int{256 << 20, 16 << 20, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dMiB", order, maxBytes>>20), func(b *testing.B) {
				b.SetBytes(n * size)
				b.ReportAllocs()
				payload := bytes.Repeat([]byte("x"), size)
				for b.Loop() {
					s := New(Options{MaxBytes: maxBytes, Dir: b.TempDir()})
					for i := range int64(n) {
						key := rng.Int64()
						if order != "random" {
							key = i*1000 + key%100000
						}
						binary.LittleEndian.PutUint64(payload, uint64(i))
						if err := s.Add(key, uint64(i)*0x9e3779b97f4a7c15, payload); err != nil {
							b.Fatal(err)
						}
					}
					got, last := 0, int64(-1<<63)
					err := s.Each(b.Context(), func(key int64, _ []byte) error {
						if key < last {
							b.Fatal("not sorted")
						}
						got, last = got+1, key
						return nil
					})
					if err != nil || got != n {
						b.Fatal(got, err)
					}
					s.Close()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
			})
		}
	}
}
