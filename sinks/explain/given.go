package explain

import (
	"bytes"
	"fmt"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
)

// Given is what is known of a record, given by hand. "" and a Code below 0 are
// not known.
type Given struct {
	Flags, Details, Reason, Side string
	Code                         int
}

// facts are what is given in the terms of the table.
func (g *Given) facts() (causes.Facts, error) {
	f := causes.Facts{Flags: classify.ParseSet([]byte(g.Flags))}
	switch g.Side {
	case "":
	case "client", "gateway":
		f.Given, f.Side = f.Given|causes.GivenSide, classify.Client
	case "server":
		f.Given, f.Side = f.Given|causes.GivenSide, classify.Server
	case "waypoint":
		f.Given, f.Side = f.Given|causes.GivenSide, classify.Waypoint
	default:
		return f, fmt.Errorf("--side: %q is none of client, server, gateway, waypoint", g.Side)
	}
	if g.Details != "" {
		f.Given, f.Details = f.Given|causes.GivenDetails, given(g.Details)
	}
	if g.Reason != "" {
		f.Given, f.Reason = f.Given|causes.GivenReason, given(g.Reason)
	} else if bytes.ContainsRune(f.Details, '{') {
		// The details of a reset repeat the transport failure reason.
		f.Given |= causes.GivenReason
	}
	if g.Code >= 0 {
		f.Given, f.Code = f.Given|causes.GivenCode, g.Code
	}
	return f, nil
}

// given is a value as Envoy logs it; "-" is for none.
func given(s string) []byte {
	if s == "-" {
		return nil
	}
	return []byte(s)
}
