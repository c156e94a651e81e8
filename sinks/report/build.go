package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/logstream"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/counts"
)

// New makes the report of what was counted and found.
func New(t *counts.Totals, s *correlate.Snapshot) *Report {
	r := &Report{
		Schema: SchemaVersion,
		Lines: Lines{
			Read: t.Read, Records: t.Records, Foreign: t.Foreign, Malformed: t.MalformedLines(),
			MalformedByReason: map[string]uint64{},
		},
		Flags: flagCounts(t), Outcomes: outcomeCounts(t), Unknown: unknownCounts(t),
		Join: Join{
			ClientHalves: s.Join.ClientHalves, ServerHalves: s.Join.ServerHalves, ByKey: map[string]uint64{},
		},
		Dropped:  s.Dropped,
		Services: []Service{}, Pods: []Pod{}, Findings: []Finding{},
	}
	for reason, n := range t.Malformed {
		if n > 0 {
			r.Lines.MalformedByReason[accesslog.Reason(reason).String()] = n
		}
	}
	if s.Records > 0 {
		r.Span = &Span{Time(s.Span.Start), Time(s.Span.End)}
	}
	for k := correlate.TupleID; int(k) < correlate.Keys; k++ {
		r.Join.ByKey[k.String()] = s.Join.ByKey[k]
		r.Join.Joined += s.Join.ByKey[k]
	}
	why := withholding(s.Log)
	for i := range s.Services {
		svc := &s.Services[i]
		r.Services = append(r.Services, serviceRow(svc.Name, nil, &svc.Total, why))
		for k := range svc.Groups {
			r.Services = append(r.Services, serviceRow(svc.Name, &svc.Groups[k].Subset, &svc.Groups[k], why))
		}
	}
	for i := range s.Pods {
		r.Pods = append(r.Pods, podRow(&s.Pods[i]))
		if p := &s.Pods[i]; p.More > 0 {
			r.Forecasts = append(r.Forecasts, forecast(p))
		}
	}
	for i := range s.Findings {
		r.Findings = append(r.Findings, tell(&s.Findings[i], r.Span))
	}
	for i := range s.Log {
		f := tellLog(&s.Log[i])
		at := slices.IndexFunc(r.Findings, func(o Finding) bool {
			return o.Start > f.Start || o.Start == f.Start && o.Kind > f.Kind
		})
		if at < 0 {
			at = len(r.Findings)
		}
		r.Findings = slices.Insert(r.Findings, at, f)
	}
	return r
}

func flagCounts(t *counts.Totals) []FlagCount {
	rows := []FlagCount{}
	for side := range t.Flags {
		for f, n := range t.Flags[side] {
			if n > 0 {
				rows = append(rows, FlagCount{classify.Side(side).String(), classify.Flag(f).String(), n})
			}
		}
	}
	for f, n := range t.Custom {
		rows = append(rows, FlagCount{f.Side.String(), f.Name, n})
	}
	slices.SortFunc(rows, func(a, b FlagCount) int {
		return strings.Compare(a.Side+"\x00"+a.Flag, b.Side+"\x00"+b.Flag)
	})
	return rows
}

func unknownCounts(t *counts.Totals) []UnknownCount {
	rows := []UnknownCount{}
	for f, n := range t.Custom {
		rows = append(rows, UnknownCount{f.Side.String(), causes.FlagField, f.Name, n})
	}
	for w, n := range t.Unknown {
		rows = append(rows, UnknownCount{w.Side.String(), w.Field, w.Text, n})
	}
	slices.SortFunc(rows, func(a, b UnknownCount) int {
		return cmp.Or(strings.Compare(a.Side, b.Side), strings.Compare(a.Field, b.Field), strings.Compare(a.Text, b.Text))
	})
	return rows
}

func outcomeCounts(t *counts.Totals) []OutcomeCount {
	rows := []OutcomeCount{}
	for side := range t.Outcomes {
		for o, n := range t.Outcomes[side] {
			if n > 0 {
				rows = append(rows, OutcomeCount{classify.Side(side).String(), classify.Outcome(o).String(), n})
			}
		}
	}
	slices.SortFunc(rows, func(a, b OutcomeCount) int {
		return strings.Compare(a.Side+"\x00"+a.Outcome, b.Side+"\x00"+b.Outcome)
	})
	return rows
}

func serviceRow(name string, subset *string, g *correlate.GroupStats, why [2]string) Service {
	row := Service{
		Service: name, Subset: subset,
		Client: ClientRatio{Requests: g.ClientRequests, Failures: g.ClientFailures},
		Server: ServerRatio{Requests: g.ServerRequests, Failures: g.ServerFailures},
		Calls:  callCounts(&g.Calls), State: g.Worst.String(),
	}
	client, server := why[correlate.SideClient], why[correlate.SideServer]
	row.Client.SuccessRatio, row.Client.Withheld = success(g.ClientRequests, g.ClientRequests-g.ClientFailures, g.ServerRequests, client)
	row.Server.SuccessRatio, row.Server.Withheld = success(g.ServerRequests, g.ServerRequests-g.ServerFailures, g.ClientRequests, server)
	row.Server.IstioSuccessRatio, _ = success(g.ServerRequests, g.IstioOK, g.ClientRequests, server)
	return row
}

// Why a ratio is withheld, beside what is wrong with the log.
const (
	oneSided   = "one_sided"
	noRequests = "no_requests"
)

// withholding is why the ratios of each side mean nothing: its log lacks
// requests, or did for a while.
func withholding(faults []correlate.LogFault) (why [2]string) {
	for i := range faults {
		f := &faults[i]
		for side, is := range f.Sides {
			if is && (f.Reason == logstream.ErrorsOnly || f.Reason == logstream.Sampled && why[side] == "") {
				why[side] = f.Reason.String()
			}
		}
	}
	return why
}

func success(requests, ok, otherSide uint64, why string) (ratio *float64, withheld *string) {
	switch {
	case requests > 0 && why == "":
		v := float64(ok) / float64(requests)
		return &v, nil
	case requests > 0:
	case otherSide > 0:
		why = oneSided
	default:
		why = noRequests
	}
	return nil, &why
}

func callCounts(c *correlate.Calls) map[string]uint64 {
	m := map[string]uint64{}
	for v, n := range c {
		if n > 0 {
			m[correlate.Verdict(v).String()] = n
		}
	}
	return m
}

func forecast(p *correlate.PodStats) Forecast {
	f := Forecast{
		UpstreamHost: p.UpstreamHost, Service: p.Service, Subset: p.Subset, Pod: p.Pod,
		More: uint64(p.More), Seconds: (p.MoreMS + 999) / 1000,
	}
	side := &p.Sides[correlate.SideServer]
	if c := &p.Sides[correlate.SideClient]; c.Evidence > side.Evidence {
		side = c
	}
	f.Ratio, f.Tail, f.Requests = max(side.P50, side.P90), side.Tail, uint64(side.Since)
	return f
}

func podRow(p *correlate.PodStats) Pod {
	row := Pod{
		UpstreamHost: p.UpstreamHost, Service: p.Service, Subset: orNull(p.Subset),
		Namespace: orNull(p.Namespace), Pod: orNull(p.Pod), PodID: orNull(p.PodID), Node: orNull(p.Node),
		Client: PodClient{p.ClientRequests, p.Timeouts, p.ClientFailures},
		Server: PodServer{p.ServerRequests, p.Disconnects, p.ServerFailures},
		Calls:  callCounts(&p.Calls), State: p.Worst.String(),
	}
	return row
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
