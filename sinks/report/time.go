package report

import (
	"fmt"
	"time"
)

// Time is an event time in Unix milliseconds, written as RFC 3339 UTC with
// milliseconds.
type Time int64

const timeLayout = "2006-01-02T15:04:05.000Z"

// String returns the time as JSON writes it, without quotes.
func (t Time) String() string { return time.UnixMilli(int64(t)).UTC().Format(timeLayout) }

// Clock returns the time of day, for text that says the date elsewhere.
func (t Time) Clock() string { return time.UnixMilli(int64(t)).UTC().Format("15:04:05") }

// MarshalJSON writes RFC 3339 UTC with milliseconds.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Time) UnmarshalJSON(b []byte) error {
	parsed, err := time.Parse(`"`+timeLayout+`"`, string(b))
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	*t = Time(parsed.UnixMilli())
	return nil
}
