package web

import (
	"fmt"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

func ptr[T any](v T) *T { return &v }

func at(clock string) report.Time {
	t, err := time.Parse(time.DateTime, "2026-11-21 "+clock)
	if err != nil {
		panic(err)
	}
	return report.Time(t.UnixMilli())
}

const catalog = "catalog.istioinaction.svc.cluster.local"

func catalogRow(subset *string, client, istio *float64) report.Service {
	return report.Service{
		Service: catalog, Subset: subset, State: "slow_pod",
		Client: report.ClientRatio{Requests: 1000, Failures: 231, SuccessRatio: client},
		Server: report.ServerRatio{Requests: 1000, Failures: 231, SuccessRatio: ptr(0.769), IstioSuccessRatio: istio},
	}
}

// mesh is a report of three services and a few pods without any finding.
func mesh() *report.Report {
	r := &report.Report{
		Schema: report.SchemaVersion,
		Lines:  report.Lines{Read: 6460, Records: 6448, Foreign: 12},
		Span:   &report.Span{Start: at("14:00:00"), End: at("14:12:04")},
		Services: []report.Service{
			catalogRow(nil, ptr(0.894), ptr(1.0)),
			catalogRow(ptr("version-v2"), ptr(0.769), ptr(1.0)),
			{Service: "orders.istioinaction.svc.cluster.local", State: "healthy"},
			{Service: "webapp.istioinaction.svc.cluster.local", State: "healthy"},
		},
	}
	for i := range 14 {
		p := report.Pod{UpstreamHost: fmt.Sprintf("172.17.0.%d:3000", 11+i), Service: catalog, State: "healthy"}
		p.Client.Requests = 400
		if i != 13 {
			p.Server.Requests = 400
		}
		r.Pods = append(r.Pods, p)
	}
	return r
}

func slowPod() report.Finding {
	return report.Finding{
		ID: "2026-11-21T140100-slow_pod-1a2b3c", Kind: "slow_pod", Severity: "critical", Proof: "both",
		Service: ptr(catalog), Subset: ptr("version-v2"), Namespace: ptr("istioinaction"),
		Pod: ptr("catalog-v2-56c9bc5bc4-8zkxj"), Node: ptr("worker-2"), UpstreamHost: ptr("172.17.0.17:3000"),
		Start: at("14:01:00"), Detected: at("14:01:40"),
		Title: "One pod of catalog v2 is slow",
		Summary: "Callers gave up on 231 of 267 requests when the 0.5 s timeout ran out. " +
			"The pod’s own proxy logged all 231 as disconnects. Its two siblings had none.",
		Evidence: report.Evidence{
			Requests: 267, Timeouts: 231, Confirmed: 231, Disconnects: 231,
			P50Ratio: ptr(28.7), P50Cut: true, P90Ratio: ptr(19.2), P90Cut: true,
			Siblings: 2, SiblingRequests: 533, TimeoutMS: ptr(int64(500)),
		},
		Next: []report.Step{
			{Why: "Take the pod out of the service; it keeps running for a look inside", Changes: true,
				Command: "kubectl -n istioinaction label pod catalog-v2-56c9bc5bc4-8zkxj app-"},
			{Why: "Is it short of CPU or memory? Compare it with its siblings",
				Command: "kubectl -n istioinaction top pod -l app=catalog,version=v2 --containers"},
			{Why: "What was it doing? The application’s own log since it began",
				Command: "kubectl -n istioinaction logs catalog-v2-56c9bc5bc4-8zkxj -c catalog --since-time=2026-11-21T14:01:00Z"},
			{Why: "Which timeout do the callers use? 0.5 s was hit 231 times",
				Command: "istioctl -n istio-system proxy-config routes deploy/istio-ingressgateway --name http.8080 -o json"},
		},
	}
}

func unverified() report.Finding {
	f := slowPod()
	f.ID, f.Kind, f.Severity, f.Proof = "unverified-1", "slow_pod_unverified", "warning", "client"
	f.Pod, f.Node = nil, nil
	f.Title = "One pod of catalog v2 looks slow"
	f.Summary = "Callers gave up on 231 of 267 requests at the 0.5 s timeout; its two siblings had none. " +
		"The pod’s own proxy wrote no lines, so the way to it is not ruled out."
	f.Evidence.Confirmed, f.Evidence.Disconnects = 0, 0
	f.Next = []report.Step{{Why: "Read the missing side too",
		Command: "kubectl -n istioinaction logs -l app=catalog,version=v2 -c istio-proxy --prefix --since=15m | slowpod report gateway.log -"}}
	return f
}

func network() report.Finding {
	f := slowPod()
	f.ID, f.Kind, f.Severity = "network-1", "network", "warning"
	f.Title = "Calls to one pod of catalog v2 get lost"
	f.Summary = "Callers gave up on 90 of 300 requests at 172.17.0.17:3000. The pod saw 4 of them."
	f.Evidence = report.Evidence{Requests: 300, Timeouts: 90, Confirmed: 4, Disconnects: 6,
		Siblings: 1, SiblingRequests: 1234, SiblingTimeouts: 1}
	f.Next = f.Next[3:]
	return f
}

func ended() report.Finding {
	f := slowPod()
	f.ID, f.End = "ended-1", ptr(at("14:09:10"))
	f.Evidence.Confirmed, f.Evidence.Siblings = 229, 0
	f.Evidence.P50Ratio, f.Evidence.P50Cut = nil, false
	return f
}

func state(findings ...report.Finding) *State {
	r := mesh()
	r.Findings = findings
	return &State{Report: r, Now: at("14:12:04"), Version: "0.1.0"}
}

// fleet is a state of many findings with names as long as they get.
func fleet(n int) *State {
	s := state()
	long := ""
	for len(long) < 253 {
		long += "a-name-of-some-length."
	}
	for i := range n {
		f := slowPod()
		f.ID = fmt.Sprintf("%06d-%s", i, long)
		f.Pod, f.Namespace, f.Node, f.Service = &long, &long, &long, &long
		f.UpstreamHost = ptr(fmt.Sprintf("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:%04x]:65535", i))
		f.Title = "One pod of " + long + " is slow"
		f.Start -= report.Time(i)
		if i%4 == 3 {
			f.End = ptr(f.Start + 60_000)
		}
		s.Report.Findings = append(s.Report.Findings, f)
	}
	return s
}
