package accesslog

import (
	"regexp"
	"strings"
	"time"
)

// The text formats once more, as regular expressions: strict ones, of which it
// is certain what a line that matches says, and a lax one, without which a line
// cannot be an entry. Between the two it depends on which quote ends a field.
const (
	reTime    = `\[(\d{4}-\d\d-\d\dT\d\d:[^\]]{0,49})\]` // what is longer is no time
	reRequest = ` "([^\s"]*) ([^\s"]*) (-|HTTP/[^\s"]*)"`
	reWord    = ` ([^\s"]+)`
	reQuoted  = ` "([^"]*)"`
	reHost    = ` "([^" ]*)"`
	// Details begin neither with a digit nor with a minus, unless there are none.
	reDetails = ` (-|[^\s"{}0-9-][^\s"{}]*(?:\{[^"{}]*\})?)`
	reTerm    = ` ([^\s"](?:[^"]*[^\s"])?)`
	// Envoy always has a number of received bytes.
	reSizes   = ` (-?[0-9][^\s"]*)` + reWord + reWord + reWord
	reHeaders = reQuoted + reQuoted + reQuoted + reQuoted + reHost
	reMore    = `(?: [^\s"]+)*`

	reIstio5 = reWord + reWord + reWord + reWord + reWord
	reIstio6 = reIstio5 + reWord + reMore
)

// oracleFormats are the layouts with the fields of Record in their order.
var oracleFormats = []struct {
	layout *regexp.Regexp
	fields string
}{
	{oracleLayout(reSizes + reHeaders), "time method path protocol code flags received sent duration served forwarded agent id authority host"},
	{oracleLayout(reSizes + reHeaders + reIstio5), "time method path protocol code flags received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni"},
	{oracleLayout(reSizes + reHeaders + reIstio6), "time method path protocol code flags received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni route"},
	{oracleLayout(reQuoted + reSizes + reHeaders + reIstio5), "time method path protocol code flags mixer received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni"},
	{oracleLayout(reQuoted + reSizes + reHeaders + reIstio6), "time method path protocol code flags failure received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni route"},
	{oracleLayout(reQuoted + reQuoted + reSizes + reHeaders + reIstio5), "time method path protocol code flags mixer failure received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni"},
	{oracleLayout(reQuoted + reQuoted + reSizes + reHeaders + reIstio6), "time method path protocol code flags mixer failure received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni route"},
	{oracleLayout(reDetails + reTerm + reQuoted + reSizes + reHeaders + reIstio6), "time method path protocol code flags details termination failure received sent duration served forwarded agent id authority host cluster ulocal dlocal dremote sni route"},
}

func oracleLayout(rest string) *regexp.Regexp {
	return regexp.MustCompile(`^` + reTime + reRequest + reWord + reWord + rest + `$`)
}

var (
	oracleLax     = regexp.MustCompile(`(?s)^\[.*\] ".* .*" [^ ]+ [^ ]+ .*[^ ]+ [^ ]+ [^ ]+ [^ ]+ ".*" ".*" ".*" ".*" "[^ "]*"( [^ ]+)*$`)
	oracleEntryRE = regexp.MustCompile(`^\[\d{4}-\d\d-\d\dT\d\d:[^\]]{0,40}\] "`)
	oracleTwice   = regexp.MustCompile(`\[\d{4}-\d\d-\d\dT\d\d:[0-9:.]*Z\] "`)
)

// oracleTextLine says what a line that begins with the time in brackets must parse
// to. sure is false where it cannot tell; then maybe says that the line may be
// an entry at all.
func oracleTextLine(line string) (r Record, result Result, reason Reason, sure, maybe bool) {
	line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t\r\n")
	r.ServiceTime = -1
	if len(oracleTwice.FindAllString(line, 2)) > 1 {
		return r, Malformed, InvalidText, true, false
	}
	for _, f := range oracleFormats {
		m := f.layout.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		fields := map[string]string{}
		for i, name := range strings.Fields(f.fields) {
			if fields[name] = m[i+1]; m[i+1] == "-" {
				fields[name] = ""
			}
		}
		reason = oracleTextRecord(fields, &r)
		if reason != NoReason {
			return r, Malformed, reason, true, false
		}
		return r, Parsed, NoReason, true, true
	}
	if !oracleLax.MatchString(line) {
		if oracleEntryRE.MatchString(line) {
			return r, Malformed, InvalidText, true, false
		}
		return r, 0, 0, false, false
	}
	return r, 0, 0, false, true
}

func oracleTextRecord(fields map[string]string, r *Record) Reason {
	t, err := time.Parse(time.RFC3339, fields["time"])
	if err != nil || !oracleRFC3339.MatchString(fields["time"]) {
		return InvalidTime
	}
	r.Start = t.UnixMilli()
	code := oracleNumber(fields["code"])
	r.Duration = oracleNumber(fields["duration"])
	r.BytesReceived = oracleNumber(fields["received"])
	r.BytesSent = oracleNumber(fields["sent"])
	if min(code, r.Duration, r.BytesReceived, r.BytesSent) < 0 || code > 999 {
		return InvalidNumber
	}
	r.Code = int(code)
	if fields["served"] != "" {
		r.ServiceTime = max(-1, oracleNumber(fields["served"]))
	}
	text := func(name string) []byte {
		if fields[name] == "" {
			return nil
		}
		return []byte(fields[name])
	}
	r.Method, r.Path, r.Protocol = text("method"), text("path"), text("protocol")
	r.Flags, r.Details = text("flags"), text("details")
	r.TerminationDetails, r.TransportFailure = text("termination"), text("failure")
	r.ForwardedFor, r.UserAgent = text("forwarded"), text("agent")
	r.RequestID, r.Authority, r.UpstreamHost = text("id"), text("authority"), text("host")
	_, r.HasCluster = fields["cluster"]
	fields["cluster"] = strings.TrimSuffix(fields["cluster"], ";")
	if fields["cluster"] == "-" {
		fields["cluster"] = ""
	}
	r.Cluster = text("cluster")
	r.UpstreamLocal, r.DownstreamLocal, r.DownstreamPeer = text("ulocal"), text("dlocal"), text("dremote")
	r.ServerName, r.Route = text("sni"), text("route")
	return NoReason
}
