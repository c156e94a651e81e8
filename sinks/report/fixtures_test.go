package report

import (
	"maps"
	"slices"
	"time"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/faults"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/correlate/logstream"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/counts"
)

func at(clock string) int64 {
	t, err := time.Parse(time.DateTime, "2026-11-21 "+clock)
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}

const (
	catalog = "catalog.istioinaction.svc.cluster.local"
	slow    = "172.17.0.17:3000"
)

// read is what was counted of a log of two services; 231 of catalog's requests
// were cut.
func read() *counts.Totals {
	t := &counts.Totals{Read: 6460, Records: 6443, Foreign: 12}
	t.Malformed[accesslog.InvalidJSON] = 4
	t.Malformed[accesslog.TooLong] = 1
	t.Flags[classify.Client][classify.UT] = 231
	t.Flags[classify.Client][classify.URX] = 7
	t.Flags[classify.Server][classify.DC] = 231
	t.Outcomes[classify.Client][classify.OK] = 2983
	t.Outcomes[classify.Client][classify.Timeout] = 231
	t.Outcomes[classify.Server][classify.OK] = 2998
	t.Outcomes[classify.Server][classify.DownstreamClosed] = 231
	t.Custom = map[counts.CustomFlag]uint64{{Side: classify.Client, Name: "XYZ"}: 3}
	return t
}

// seen is what the core holds of it, without findings.
func seen() *correlate.Snapshot {
	s := &correlate.Snapshot{
		Records: 6443, Span: correlate.Span{Start: at("14:00:00") + 7, End: at("14:12:04")},
		Dropped: map[string]uint64{"traces": 12},
	}
	s.Join.ClientHalves, s.Join.ServerHalves = 231, 231
	s.Join.ByKey[correlate.TupleID], s.Join.ByKey[correlate.Probable] = 229, 2
	calls := correlate.Calls{correlate.Confirmed: 231}
	v2 := correlate.GroupStats{
		Subset: "version-v2", ClientRequests: 800, ClientFailures: 231, ServerRequests: 800, ServerFailures: 231, IstioOK: 800, Calls: calls,
	}
	total := v2
	total.Subset, total.ClientRequests, total.ServerRequests, total.IstioOK = "", 1009, 1009, 1009
	s.Services = []correlate.ServiceStats{
		{Name: catalog, Total: total, Groups: []correlate.GroupStats{v2}},
		{Name: "orders.istioinaction.svc.cluster.local", Total: correlate.GroupStats{ServerRequests: 2210, IstioOK: 2205, ServerFailures: 5}},
		{Name: "webapp.istioinaction.svc.cluster.local", Total: correlate.GroupStats{ClientRequests: 2205}},
	}
	s.Pods = []correlate.PodStats{
		{UpstreamHost: "172.17.0.15:3000", Service: catalog, Subset: "version-v2", ClientRequests: 267, ServerRequests: 267},
		{
			UpstreamHost: slow, Service: catalog, Subset: "version-v2", Namespace: "istioinaction",
			Pod: "catalog-v2-56c9bc5bc4-8zkxj", PodID: "c2a9", Node: "worker-2",
			ClientRequests: 267, ClientFailures: 231, Timeouts: 231, ServerRequests: 267, ServerFailures: 231, Disconnects: 231, Calls: calls,
		},
		{UpstreamHost: "172.17.0.30:8080", Service: "webapp.istioinaction.svc.cluster.local", ClientRequests: 2205},
	}
	return s
}

// slowPod is a finding with both sides' word.
func slowPod() correlate.Finding {
	return correlate.Finding{
		ID: "5e1f3a0c9d2b4871", Kind: kind.SlowPod, Proof: correlate.ProofBoth,
		Service: catalog, Subset: "version-v2", Namespace: "istioinaction", Pod: "catalog-v2-56c9bc5bc4-8zkxj",
		Node: "worker-2", UpstreamHost: slow, Start: at("14:01:00") + 123, Detected: at("14:01:40"),
		Evidence: correlate.Evidence{
			Requests: 267, Timeouts: 231, Confirmed: 230, Held: 1, ServerRequests: 267, Disconnects: 231,
			Siblings: 2, SiblingRequests: 533,
			P50: correlate.Ratio{Value: 28.75, Cut: true}, P90: correlate.Ratio{Value: 19.2, Cut: true},
			TimeoutMS: 500, Callers: []string{"istio-ingressgateway-6d9c8b7c5d-abcde", "web-1"}, AllCallers: 3, HitCallers: 2,
			Samples: []correlate.Sample{
				{
					Verdict: correlate.Confirmed, RequestID: "da28cc83-9055-9ed5-8c0e-104bf3337a0c",
					Client: &correlate.SampleSide{Start: at("14:01:00") + 123, Duration: 501, Code: 504, Flags: "UT", Details: "response_timeout"},
					Server: &correlate.SampleSide{Start: at("14:01:00") + 125, Duration: 499, Flags: "DC", Details: "downstream_remote_disconnect"},
				},
				{Verdict: correlate.ClientOnly, Client: &correlate.SampleSide{Start: at("14:01:01"), Duration: 502, Code: 504, Flags: "UT"}},
			},
		},
	}
}

func unverified() correlate.Finding {
	f := slowPod()
	f.ID, f.Kind, f.Proof = "11aa", kind.SlowPodUnverified, correlate.ProofClient
	f.Pod, f.Node = "", ""
	f.Evidence.Confirmed, f.Evidence.Held, f.Evidence.Disconnects, f.Evidence.ServerRequests = 0, 0, 0, 0
	f.Evidence.Samples = f.Evidence.Samples[1:]
	return f
}

func network() correlate.Finding {
	f := slowPod()
	f.ID, f.Kind = "22bb", kind.Network
	f.Evidence.Requests, f.Evidence.Timeouts, f.Evidence.Confirmed, f.Evidence.Held, f.Evidence.Disconnects = 300, 90, 4, 0, 6
	f.Evidence.Siblings, f.Evidence.SiblingRequests, f.Evidence.SiblingTimeouts = 1, 1234, 1
	f.Evidence.P50, f.Evidence.TimeoutMS = correlate.Ratio{}, 0
	return f
}

// oneCaller is lost calls of one of the pod's callers.
func oneCaller() correlate.Finding {
	f := network()
	f.ID, f.Evidence.Callers, f.Evidence.MainCaller, f.Evidence.HitCallers = "24bb", []string{"web-1"}, "web-1", 1
	return f
}

func held() correlate.Finding {
	f := network()
	f.ID, f.Evidence.Confirmed, f.Evidence.Held, f.Evidence.Disconnects = "23bb", 1, 80, 85
	return f
}

func serverOnly() correlate.Finding {
	f := slowPod()
	f.ID, f.Proof = "33cc", correlate.ProofServer
	f.Evidence.Requests, f.Evidence.Timeouts, f.Evidence.Confirmed, f.Evidence.Held = 0, 0, 0, 0
	f.Evidence.TimeoutMS, f.Evidence.Callers = 0, nil
	f.Evidence.Samples = f.Evidence.Samples[:1]
	f.Evidence.Samples[0].Verdict, f.Evidence.Samples[0].Client = correlate.ServerOnly, nil
	return f
}

// quiet is a pod that is slow without any timeout.
func quiet() correlate.Finding {
	f := slowPod()
	f.ID = "55ee"
	e := &f.Evidence
	e.Timeouts, e.Confirmed, e.Held, e.Disconnects, e.TimeoutMS, e.Callers, e.Samples = 0, 0, 0, 0, 0, nil, nil
	e.P50, e.P90 = correlate.Ratio{Value: 4.76}, correlate.Ratio{Value: 6.1}
	e.Sides[correlate.SideServer] = correlate.SideRatios{P50: correlate.Ratio{Value: 4.81}, P90: correlate.Ratio{Value: 6.13}}
	e.Sides[correlate.SideClient] = correlate.SideRatios{P50: e.P50, P90: e.P90}
	e.UsualP90 = 2
	for i := range int64(12) {
		p := correlate.Point{At: at("14:01:00") + i*10_000, Own: 2.2, Others: 2 + 0.1*float64(i%3), Requests: 20}
		if i > 1 {
			p.Own = 12 + float64(i%4)
		}
		e.Course = append(e.Course, p)
	}
	return f
}

func slowService() correlate.Finding {
	f := quiet()
	f.ID, f.Kind = "66ff", kind.SlowService
	f.Pod, f.Node, f.UpstreamHost, f.Evidence.Siblings = "", "", "", 3
	f.Evidence.Timeouts, f.Evidence.TimeoutMS = 41, 500
	return f
}

// slowSubset is a canary of one pod, beside the version that it is to replace.
func slowSubset() correlate.Finding {
	f := slowService()
	f.ID, f.Subset = "67ff", "version-v2"
	f.Evidence.Siblings, f.Evidence.Beside, f.Evidence.HasBeside = 0, "version-v1", true
	return f
}

func cancels() correlate.Finding {
	return correlate.Finding{
		ID: "77aa", Kind: kind.CallerCancels, Proof: correlate.ProofBoth, Service: catalog, Namespace: "istioinaction",
		Start: at("14:01:00"), Detected: at("14:02:00"),
		Evidence: correlate.Evidence{ServerRequests: 812, Disconnects: 97, Left: 90, Callers: []string{"web-1"}},
	}
}

func slowNode() correlate.Finding {
	f := quiet()
	f.ID, f.Kind, f.Service, f.Subset, f.Namespace, f.Pod, f.UpstreamHost = "88bb", kind.SlowNode, "", "", "", "", ""
	f.Members = []correlate.Member{
		{Service: catalog, Pod: "catalog-v2-56c9bc5bc4-8zkxj", UpstreamHost: slow},
		{Service: catalog, Pod: "catalog-v2-56c9bc5bc4-x2x2x", UpstreamHost: "172.17.0.18:3000"},
		{Service: "orders.istioinaction.svc.cluster.local", UpstreamHost: "172.17.0.40:8080"},
	}
	f.Evidence.Sides = [2]correlate.SideRatios{}
	return f
}

func ended() correlate.Finding {
	f := slowPod()
	f.ID, f.End, f.Ended = "44dd", at("14:09:10"), true
	f.Evidence.SiblingTimeouts = 3
	return f
}

// unavailable is a service without a healthy pod; asked is of what no service
// stands for.
func unavailable() correlate.Finding {
	return correlate.Finding{
		ID: "99cc", Kind: kind.Unavailable, Proof: correlate.ProofClient, Service: catalog, Subset: "version-v3", Namespace: "istioinaction",
		Start: at("14:01:00") + 123, Detected: at("14:01:20"), Last: at("14:03:00"), First: []string{"empty_subset", "never_ready"},
		Fault: faults.Evidence{
			Failures: 41, Requests: 41, Flags: faults.Counts{{Value: "UH", N: 41}}, Codes: faults.Counts{{Value: "503", N: 41}},
			Details: faults.Counts{{Value: "no_healthy_upstream", N: 41}}, Names: faults.Counts{{Value: "catalog:80", N: 41}},
			Callers: []faults.Caller{{Name: "10.244.1.9"}, {Namespace: "front", Name: "web-1"}},
			Samples: []faults.Sample{{RequestID: "da28cc83-9055-9ed5-8c0e-104bf3337a0c", Verdict: "not_sent",
				Client: &faults.Side{Start: at("14:01:00") + 123, Code: 503, Flags: "UH", Details: "no_healthy_upstream"}}},
		},
	}
}

func notListening() correlate.Finding {
	f := unavailable()
	f.ID, f.Kind, f.Proof, f.Subset, f.First = "99dd", kind.AppNotListening, correlate.ProofBoth, "version-v2", nil
	f.UpstreamHost, f.Pod, f.Node = slow, "catalog-v2-56c9bc5bc4-8zkxj", "worker-2"
	f.Fault.Requests, f.Fault.Hosts = 120, faults.Counts{{Value: slow, N: 41}}
	f.Fault.Flags = faults.Counts{{Value: "URX,UF", N: 40}, {Value: "UF", N: 1}}
	f.Fault.Reasons = faults.Counts{{Value: "delayed_connect_error:_Connection_refused", N: 41}}
	f.Fault.Details = faults.Counts{{Value: "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}", N: 41}}
	f.Fault.Samples[0].Server = &faults.Side{Start: at("14:01:00") + 125, Duration: 68, Code: 503, Flags: "URX,UF"}
	return f
}

func asked() correlate.Finding {
	f := unavailable()
	f.ID, f.Kind, f.Service, f.Subset, f.Namespace, f.First = "99ee", kind.ClusterMissing, "", "", "", nil
	f.Authority, f.End, f.Ended = "reviews.shop.svc.cluster.local:9080", at("14:04:00"), true
	return f
}

// with is a report of the findings.
// oneSidedLog is that the pods of a service do not log.
func oneSidedLog() correlate.LogFault {
	return correlate.LogFault{
		ID: "aa01", Fault: logstream.Fault{
			Reason: logstream.OneSided, Start: at("14:00:00") + 7, Detected: at("14:05:00"), Sides: [2]bool{correlate.SideServer: true},
			Of: 1, N: 2205, Total: 6443,
		},
		Missing: [2][]string{correlate.SideServer: {"webapp.istioinaction.svc.cluster.local"}}, MissingOf: [2]int{correlate.SideServer: 1},
	}
}

func logFaults() map[string]correlate.LogFault {
	fault := func(id string, f logstream.Fault) correlate.LogFault {
		f.Start, f.Detected = at("14:00:00")+7, at("14:05:00")
		return correlate.LogFault{ID: id, Fault: f}
	}
	several := oneSidedLog()
	several.ID, several.Of = "aa02", 14
	several.Sides = [2]bool{true, true}
	several.Missing = [2][]string{correlate.SideClient: {"orders.shop.svc.cluster.local"}, correlate.SideServer: {"a.shop.svc.cluster.local", "b.shop.svc.cluster.local"}}
	several.MissingOf = [2]int{correlate.SideClient: 1, correlate.SideServer: 13}
	sides := [2]bool{true, true}
	return map[string]correlate.LogFault{
		"one_sided": oneSidedLog(), "one_sided_several": several,
		"errors_only":     fault("aa03", logstream.Fault{Reason: logstream.ErrorsOnly, Sides: sides, Total: 1236}),
		"sampled":         fault("aa04", logstream.Fault{Reason: logstream.Sampled, Sides: [2]bool{correlate.SideServer: true}, N: 8410, Total: 9638}),
		"code_0_filtered": fault("aa05", logstream.Fault{Reason: logstream.Code0Filtered, Sides: [2]bool{correlate.SideServer: true}, N: 184, Total: 60048}),
		"fields_missing": fault("aa06", logstream.Fault{
			Reason: logstream.FieldsMissing, Sides: sides, N: 59521, Total: 59521,
			Fields: []logstream.Missing{
				{Side: correlate.SideClient, Field: logstream.RequestID, N: 59521, Total: 59521},
				{Side: correlate.SideServer, Field: logstream.Connection, N: 400, Total: 500},
			},
		}),
		"skew": fault("aa07", logstream.Fault{
			Reason: logstream.Skew, Of: 1, N: 6884, Total: 10565, Clocks: []logstream.Clock{{Name: "node-b", Ahead: 4999}},
		}),
		"duplicates": fault("aa08", logstream.Fault{Reason: logstream.Duplicates, N: 46802, Total: 93604}),
	}
}

// withLog is a report with what is wrong with the log, beside findings.
func withLog(faults []correlate.LogFault, findings ...correlate.Finding) *Report {
	s := seen()
	s.Findings, s.Log = findings, faults
	return New(read(), s)
}

func with(findings ...correlate.Finding) *Report {
	s := seen()
	s.Findings = findings
	for i := range findings {
		switch findings[i].Kind {
		case kind.SlowService:
			s.Services[0].Total.Worst = correlate.SlowService
		case kind.CallerCancels:
			s.Services[0].Total.Worst = correlate.CallerCancels
		case kind.SlowPod:
			s.Pods[1].Worst = max(s.Pods[1].Worst, correlate.SlowPod)
		case kind.SlowPodUnverified:
			s.Pods[1].Worst = max(s.Pods[1].Worst, correlate.SlowPodUnverified)
		case kind.Network:
			s.Pods[1].Worst = max(s.Pods[1].Worst, correlate.Network)
		}
	}
	return New(read(), s)
}

// reports are what the golden files hold.
func reports() map[string]*Report {
	var faults []correlate.LogFault
	all := logFaults()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		faults = append(faults, all[name])
	}
	sampled := all["sampled"]
	sampled.Ended, sampled.End = true, at("14:10:00")
	empty := func() *correlate.Snapshot { return &correlate.Snapshot{Dropped: map[string]uint64{}} }
	late := slowPod()
	late.Start = at("14:00:10") // within the first half minute
	return map[string]*Report{
		"no_lines":            New(&counts.Totals{}, empty()),
		"no_record":           New(&counts.Totals{Read: 12, Foreign: 9, Malformed: [accesslog.Reasons]uint64{accesslog.InvalidText: 3}}, empty()),
		"nothing_found":       with(),
		"slow_pod":            with(slowPod()),
		"slow_pod_server":     with(serverOnly()),
		"slow_pod_unverified": with(unverified()),
		"network":             with(network()),
		"network_held":        with(held()),
		"ended":               with(ended()),
		"slow_pod_quiet":      with(quiet()),
		"slow_service":        with(slowService()),
		"slow_subset":         with(slowSubset()),
		"network_one_caller":  with(oneCaller()),
		"caller_cancels":      with(cancels()),
		"slow_node":           with(slowNode()),
		"several":             with(late, ended(), network()),
		"unavailable":         with(unavailable()),
		"app_not_listening":   with(notListening()),
		"cluster_missing":     with(asked()),
		"log_stream":          withLog(faults, slowPod()),
		"log_stream_ended":    withLog([]correlate.LogFault{sampled}),
	}
}
