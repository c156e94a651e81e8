package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/slowpod/slowpod/correlate"
)

// maxTitle is the length of a title in characters.
const maxTitle = 50

// tell turns a finding into a story with numbers: what callers see, what the
// pod says, what its siblings did, and what to run next.
func tell(f *correlate.Finding, span *Span) Finding {
	out := Finding{
		ID: f.ID, Kind: f.Kind.String(), Severity: severity(f.Kind), Proof: string(f.Proof),
		Service: orNull(f.Service), Subset: orNull(f.Subset), Namespace: orNull(f.Namespace),
		Pod: orNull(f.Pod), Node: orNull(f.Node), UpstreamHost: orNull(f.UpstreamHost),
		Start: Time(f.Start), Detected: Time(f.Detected),
		Title: title(f), Summary: summary(f), Cause: cause(f), Evidence: evidence(&f.Evidence),
		Next: next(f), Silent: f.Silent,
	}
	if f.Ended {
		end := Time(f.End)
		out.End = &end
	}
	return out
}

func severity(k correlate.State) string {
	if k == correlate.SlowPod {
		return "critical"
	}
	return "warning"
}

// title says who and what; its verb carries the certainty.
func title(f *correlate.Finding) string {
	format := map[correlate.State]string{
		correlate.SlowPod:           "One pod of %s is slow",
		correlate.SlowPodUnverified: "One pod of %s looks slow",
		correlate.Network:           "Calls to one pod of %s get lost",
	}[f.Kind]
	switch {
	case f.Kind == correlate.Network && f.Evidence.Held > f.Evidence.Confirmed:
		format = "Requests to one pod of %s get stuck"
	case f.Proof == correlate.ProofServer:
		format = "One pod of %s looks slow" // its callers may have left of themselves
	}
	name, subset := shortName(f.Service), strings.TrimPrefix(f.Subset, "version-")
	room := maxTitle - len(format) + len("%s")
	if subset != "" && len(name)+1+len(subset) <= room {
		name += " " + subset
	}
	if runes := []rune(name); len(runes) > room {
		name = string(runes[:room-1]) + "…"
	}
	return fmt.Sprintf(format, name)
}

// shortName is a service as people call it: its first label.
func shortName(service string) string {
	name, _, _ := strings.Cut(service, ".")
	return name
}

func summary(f *correlate.Finding) string {
	e := &f.Evidence
	var s []string
	if f.Proof == correlate.ProofServer {
		s = append(s,
			fmt.Sprintf("The pod’s own proxy logged %s of %s requests as cut by their callers before the answer.",
				count(e.Disconnects), count(e.ServerRequests)),
			siblings(e, e.SiblingDisconnects))
		if e.Requests > 0 {
			s = append(s, "Its callers’ own records name no timeout there: they tried another pod, or left.")
		} else {
			s = append(s, "What the callers say is not in these records: they may have left of themselves.")
		}
		return strings.Join(s, " ")
	}
	s = append(s, fmt.Sprintf("Callers gave up on %s of %s requests%s.", count(e.Timeouts), count(e.Requests), atTimeout(e)))
	switch f.Kind {
	case correlate.SlowPod:
		s = append(s, podLogged(e), siblings(e, e.SiblingTimeouts))
	case correlate.SlowPodUnverified:
		s = append(s, siblings(e, e.SiblingTimeouts),
			fmt.Sprintf("The pod’s own proxy wrote %s in these records: they cannot tell the pod from the way to it.",
				map[bool]string{true: "nothing", false: "too little"}[e.ServerRequests == 0]))
	case correlate.Network:
		if e.Held > e.Confirmed {
			s = append(s, fmt.Sprintf("In %s of them the request was stuck in the pod’s own proxy: the app never had it.", count(e.Held)))
		} else {
			s = append(s, networkSaw(e))
		}
		s = append(s, siblings(e, e.SiblingTimeouts))
	}
	return strings.Join(s, " ")
}

// podLogged says what the pod's proxy logged of its callers' timeouts.
func podLogged(e *correlate.Evidence) string {
	if matched := e.Confirmed + e.Held; matched != e.Timeouts {
		return fmt.Sprintf("The pod’s own proxy logged %s; %s matched, call by call.",
			plural(int(e.Disconnects), "disconnect"), count(matched))
	}
	return fmt.Sprintf("The pod’s own proxy logged all %s as disconnects.", count(e.Timeouts))
}

// networkSaw says what the pod's proxy knows of requests that got lost.
func networkSaw(e *correlate.Evidence) string {
	if e.Confirmed+e.Held == 0 {
		return "The pod’s own proxy saw none of them cut: it answered in time, or never received them."
	}
	return fmt.Sprintf("The pod’s own proxy saw %s as disconnects: the others it answered in time or never received.",
		ofAll(e.Confirmed+e.Held, e.Timeouts))
}

func atTimeout(e *correlate.Evidence) string {
	if e.TimeoutMS == 0 {
		return ""
	}
	return fmt.Sprintf(" when the %s timeout ran out", duration(e.TimeoutMS))
}

func ofAll(n, all uint64) string {
	switch n {
	case all:
		return "all " + count(n)
	case 0:
		return "none of them"
	}
	return fmt.Sprintf("%s of them", count(n))
}

func siblings(e *correlate.Evidence, cut uint64) string {
	who := fmt.Sprintf("Its %s siblings", small(e.Siblings))
	if e.Siblings == 1 {
		who = "Its one sibling"
	}
	if cut == 0 {
		return who + " had none."
	}
	return fmt.Sprintf("%s had %s of %s.", who, count(cut), count(e.SiblingRequests))
}

func cause(f *correlate.Finding) string {
	switch {
	case f.Kind == correlate.SlowPodUnverified:
		return "the pod or the way to it: only its own proxy’s log can tell"
	case f.Kind == correlate.Network && f.Evidence.Held > f.Evidence.Confirmed:
		return "the pod’s own proxy: requests wait there before they reach the app"
	case f.Kind == correlate.Network:
		return "the way between the callers and the pod, or the pod’s proxy: the app answers what reaches it"
	case f.Proof == correlate.ProofServer:
		return "the app in the pod, or callers that leave early: only the callers’ log can tell"
	}
	return "the app in the pod: it had the requests and did not answer in time"
}

func evidence(e *correlate.Evidence) Evidence {
	out := Evidence{
		Requests: e.Requests, Timeouts: e.Timeouts, Confirmed: e.Confirmed + e.Held, Disconnects: e.Disconnects,
		P50Cut: e.P50.Cut, P90Cut: e.P90.Cut, Siblings: uint64(e.Siblings),
		SiblingRequests: e.SiblingRequests, SiblingTimeouts: e.SiblingTimeouts,
		Callers: append([]string{}, e.Callers...), Samples: []Sample{},
	}
	if e.P50.Value > 0 {
		out.P50Ratio = &e.P50.Value
	}
	if e.P90.Value > 0 {
		out.P90Ratio = &e.P90.Value
	}
	if e.TimeoutMS > 0 {
		out.TimeoutMS = &e.TimeoutMS
	}
	for i := range e.Samples {
		s := &e.Samples[i]
		out.Samples = append(out.Samples, Sample{
			RequestID: orNull(s.RequestID), Verdict: s.Verdict.String(),
			Client: sampleSide(s.Client), Server: sampleSide(s.Server),
		})
	}
	return out
}

func sampleSide(s *correlate.SampleSide) *SampleSide {
	if s == nil {
		return nil
	}
	return &SampleSide{
		Start: Time(s.Start), DurationMS: s.Duration, Code: s.Code, Flags: orNull(s.Flags), Details: orNull(s.Details),
	}
}

// next is what to run, in order. Nothing that changes the cluster comes first.
func next(f *correlate.Finding) []Step {
	ns, pod := word(f.Namespace, "namespace"), word(f.Pod, "pod")
	var steps []Step
	if f.Pod == "" {
		if ip := ipOf(f.UpstreamHost); ip != "" {
			steps = append(steps, Step{
				Why:     "Which pod has this address: put its name in place of <pod> below",
				Command: fmt.Sprintf("kubectl -n %s get pod -o wide --field-selector status.podIP=%s", ns, ip),
			})
		}
	}
	since := " --since-time=" + time.UnixMilli(f.Start).UTC().Format(time.RFC3339)
	inPod := func(why, format string, changes bool) {
		steps = append(steps, Step{Why: why, Command: fmt.Sprintf(format, ns, pod), Changes: changes})
	}
	switch f.Kind {
	case correlate.SlowPodUnverified:
		inPod("Read the missing side: the pod’s own proxy logs what became of these requests. Give slowpod both logs",
			"kubectl -n %s logs %s -c istio-proxy"+since, false)
		inPod("See whether the pod has been restarted, moved or starved", "kubectl -n %s describe pod %s", false)
	case correlate.Network:
		inPod("See whether the pod’s proxy is starved of CPU or memory", "kubectl -n %s top pod %s --containers", false)
		inPod("See where the pod runs and what happened to it", "kubectl -n %s describe pod %s", false)
		inPod("What the pod’s proxy holds back: connections and pending requests to its own app",
			"kubectl -n %s exec %s -c istio-proxy -- pilot-agent request GET clusters | grep inbound", false)
	default:
		inPod("See what the app was doing", "kubectl -n %s logs %s"+since, false)
		inPod("See whether it is starved of CPU or memory", "kubectl -n %s top pod %s --containers", false)
		inPod("See whether it was restarted, throttled or failed its probes", "kubectl -n %s describe pod %s", false)
		if f.Proof == correlate.ProofServer {
			steps = append(steps, Step{
				Why:     "Read the callers’ logs: they tell a timeout from a caller that left. Give slowpod both",
				Command: "kubectl -n <namespace> logs <caller> -c istio-proxy" + since,
			})
		}
		if f.Proof == correlate.ProofBoth {
			inPod("Replace the pod, once you have looked inside", "kubectl -n %s delete pod %s", true)
		}
	}
	return steps
}
