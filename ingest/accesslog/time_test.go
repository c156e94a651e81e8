package accesslog

import (
	"fmt"
	"math/rand"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for _, s := range []string{
		"2026-03-02T10:15:04Z", "2026-03-02T10:15:04.5Z", "2026-03-02T10:15:04.558Z", "2026-03-02T10:15:04.558999999Z",
		"2026-03-02T10:15:04.558+02:00", "2026-03-02T10:15:04.558-07:30", "2026-03-02T00:15:04.001+23:59",
		"1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "0000-02-29T00:00:00Z", "9999-12-31T23:59:59.999Z",
		"2024-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2026-12-31T23:59:59Z", "2026-01-01T00:00:00-00:00",
	} {
		got, ok := parseTime([]byte(s))
		if want := at(s); !ok || got != want {
			t.Errorf("parseTime(%q) = %d, %v; want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "2026", "2026-03-02", "2026-03-02T10:15:04", "2026-03-02 10:15:04Z", "2026-03-02t10:15:04z", "2026-03-02T10:15:04z",
		"2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
		"2026-03-02T10:15:04.Z", "2026-03-02T10:15:04.1234567890Z", "2026-03-02T10:15:04,5Z", "2026-03-02T10:15:04.5",
		"2026-03-02T10:15:04+0200", "2026-03-02T10:15:04+02", "2026-03-02T10:15:04+24:00", "2026-03-02T10:15:04+02:60", "2026-03-02T10:15:04+0a:00",
		"2026-03-02T10:15:04ZZ", "2026-03-02T10:15:04Z ", " 2026-03-02T10:15:04Z", "12026-03-02T10:15:04Z", "-026-03-02T10:15:04Z",
	} {
		if got, ok := parseTime([]byte(s)); ok {
			t.Errorf("parseTime(%q) = %d, want it refused", s, got)
		}
	}
}

func TestEveryDay(t *testing.T) {
	for day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 4001; day = day.AddDate(0, 0, 1) {
		s := day.Format(time.RFC3339)
		if got, ok := parseTime([]byte(s)); !ok || got != day.UnixMilli() {
			t.Fatalf("parseTime(%q) = %d, %v; want %d", s, got, ok, day.UnixMilli())
		}
	}
}

// Random digits in the right places: what time.Parse takes is taken and means
// the same, but for zones that no place on Earth has.
func TestParseTimeLikeStandard(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 200_000 {
		zone := "Z"
		if rnd.Intn(2) == 0 {
			zone = fmt.Sprintf("%c%02d:%02d", "+-"[rnd.Intn(2)], rnd.Intn(24), rnd.Intn(60))
		}
		s := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%0*d%s", rnd.Intn(10000), rnd.Intn(14), rnd.Intn(33),
			rnd.Intn(26), rnd.Intn(62), rnd.Intn(62), 1+rnd.Intn(9), rnd.Intn(10), zone)
		want, err := time.Parse(time.RFC3339, s)
		got, ok := parseTime([]byte(s))
		if ok != (err == nil) || ok && got != want.UnixMilli() {
			t.Fatalf("parseTime(%q) = %d, %v; want %d, %v", s, got, ok, want.UnixMilli(), err)
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("2026-03-02T10:15:04.558Z")
	f.Add("2026-03-02T10:15:04.558999999+02:00")
	f.Add("1969-12-31T23:59:59.999Z")
	var m minute
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTime([]byte(s))
		for range 2 { // unknown minute, known minute
			if again, okAgain := m.parseTime([]byte(s)); again != got || okAgain != ok {
				t.Fatalf("%q: %d, %v; by the minute %d, %v", s, got, ok, again, okAgain)
			}
		}
		if !ok {
			return
		}
		want, err := time.Parse(time.RFC3339, s)
		if err != nil || got != want.UnixMilli() {
			t.Fatalf("parseTime(%q) = %d; time.Parse says %v, %v", s, got, want, err)
		}
	})
}

// Within a minute that was seen before, all is read as it is without it.
func TestMinute(t *testing.T) {
	var m minute
	for _, first := range []string{"2026-03-02T10:15:04.558Z", "1969-12-31T23:59:01.002Z", "0000-01-01T00:00:00.000Z"} {
		m.parseTime([]byte(first))
		for i := 16; i < len(first); i++ {
			for c := range 256 {
				b := []byte(first)
				b[i] = byte(c)
				want, wantOK := parseTime(b)
				if got, ok := m.parseTime(b); got != want || ok != wantOK {
					t.Fatalf("%q: %d, %v, want %d, %v", b, got, ok, want, wantOK)
				}
			}
		}
	}
}
