package cli

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

// Help is no end of the process, a mistake is an error, and the rest is parsed.
func TestParse(t *testing.T) {
	f := func(args, command, stdout string, help, mistake bool) {
		t.Helper()
		k := kingpin.New("tool", "Does this and that.")
		k.Command("this", "Does this.").Flag("times", "How often.").Int()
		var out, errs strings.Builder
		got, err := Parse(k, strings.Fields(args), &out, &errs)
		if isHelp := errors.Is(err, flag.ErrHelp); isHelp != help || (err != nil) != (help || mistake) {
			t.Errorf("%q: %v", args, err)
		}
		if err == nil && got != command || !strings.Contains(out.String(), stdout) || errs.Len() > 0 {
			t.Errorf("%q: %q, out %q, err %q", args, got, out.String(), errs.String())
		}
	}
	f("this --times=3", "this", "", false, false)
	f("--help", "", "Does this and that.", true, false)
	f("this -h", "", "Does this.", true, false)
	f("that", "", "", false, true)
	f("this --times=often", "", "", false, true)
}

// A fault of the program stays one.
func TestParsePanics(t *testing.T) {
	defer func() {
		if r := recover(); r != "broken" {
			t.Errorf("recovered %v", r)
		}
	}()
	k := kingpin.New("tool", "")
	k.PreAction(func(*kingpin.ParseContext) error { panic("broken") })
	_, _ = Parse(k, nil, &strings.Builder{}, &strings.Builder{})
}
