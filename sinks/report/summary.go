package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
)

// summary tells the finding in a few sentences with numbers: what callers see,
// what the pod says, what its siblings did.
func summary(f *correlate.Finding) string {
	e := &f.Evidence
	var s []string
	switch {
	case f.Kind == kind.SlowService:
		s = []string{asBefore(e), gaveUp(e)}
	case f.Kind == kind.SlowNode:
		s = []string{onNode(f), gaveUp(e)}
	case f.Kind == kind.CallerCancels:
		s = []string{leftEarly(e), "None of its pods stood out when that began."}
	case f.Proof == correlate.ProofServer:
		s = serverSays(e)
	default:
		s = []string{gaveUp(e), otherSide(f), siblings(e, e.SiblingTimeouts), slower(e)}
		switch {
		case e.Timeouts == 0:
			s = []string{slower(e), "No caller’s timeout ran out.", otherSide(f)}
		case f.Kind == kind.SlowPodUnverified:
			s = []string{gaveUp(e), siblings(e, e.SiblingTimeouts), slower(e), otherSide(f)}
		}
	}
	return strings.Join(strings.Fields(strings.Join(s, " ")), " ")
}

// gaveUp says what the callers’ proxies made of it.
func gaveUp(e *correlate.Evidence) string {
	if e.Timeouts == 0 {
		return ""
	}
	return fmt.Sprintf("Callers gave up on %s of %s requests%s.", count(e.Timeouts), count(e.Requests), atTimeout(e))
}

// otherSide says what the pod’s own proxy has to say to what its callers saw.
func otherSide(f *correlate.Finding) string {
	e := &f.Evidence
	switch {
	case f.Kind == kind.SlowPod && e.Timeouts > 0:
		return podLogged(e)
	case f.Kind == kind.SlowPodUnverified:
		return fmt.Sprintf("The pod’s own proxy wrote %s in these records: they cannot tell the pod from the way to it.",
			map[bool]string{true: "nothing", false: "too little"}[e.ServerRequests == 0])
	case f.Kind == kind.Network && e.Held > e.Confirmed:
		return fmt.Sprintf("In %s of them the request was stuck in the pod’s own proxy: the app never had it.", count(e.Held))
	case f.Kind == kind.Network && e.Timeouts > 0:
		return networkSaw(e)
	case f.Kind == kind.Network:
		return "The pod’s own proxy saw it answer like its siblings."
	}
	return ""
}

// serverSays is what the pod’s own proxy logged where its callers say nothing
// of the kind.
func serverSays(e *correlate.Evidence) []string {
	var s []string
	if e.Disconnects > 0 {
		s = append(s,
			fmt.Sprintf("The pod’s own proxy logged %s of %s requests as cut by their callers before the answer.",
				count(e.Disconnects), count(e.ServerRequests)),
			siblings(e, e.SiblingDisconnects))
	}
	s = append(s, slower(e))
	switch {
	case e.Requests == 0:
		s = append(s, "What the callers say is not in these records: they may have left of themselves.")
	case e.Disconnects > 0:
		s = append(s, "Its callers’ own records name no timeout there: they tried another pod, or left.")
	default:
		s = append(s, "Its callers’ own records do not show it.")
	}
	return s
}

// mostNames is how many pods a sentence names.
const mostNames = 10

// onNode lists the pods of a node.
func onNode(f *correlate.Finding) string {
	services := map[string]bool{}
	var names []string
	for _, m := range f.Members {
		services[m.Service] = true
		name := m.Pod
		if name == "" {
			name = m.UpstreamHost
		}
		names = append(names, name)
	}
	more := ""
	if n := len(names) - mostNames; n > 0 {
		names, more = names[:mostNames], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s of %s on this node became slow within a minute of each other: %s%s.",
		plural(len(f.Members), "pod"), plural(len(services), "service"), strings.Join(names, ", "), more)
}

func leftEarly(e *correlate.Evidence) string {
	s := fmt.Sprintf("Callers left %s of %s requests before the answer", count(e.Disconnects), count(e.ServerRequests))
	if e.Left > 0 {
		s += fmt.Sprintf("; for %s of them their own records say so", count(min(e.Left, e.Disconnects)))
	}
	return s + "."
}

func asBefore(e *correlate.Evidence) string {
	r := e.Sides[correlate.SideServer]
	if r.P50.Value == 0 {
		r = e.Sides[correlate.SideClient]
	}
	if r.P50.Value == 0 {
		return ""
	}
	if e.HasBeside {
		return fmt.Sprintf("Requests take %s times as long as those to %s at the median and %s times at p90.",
			times(r.P50), subsetName(e.Beside), times(r.P90))
	}
	where := "over its " + plural(e.Siblings, "pod")
	if e.Siblings == 1 {
		where = "at its only pod"
	}
	return fmt.Sprintf("Requests take %s times as long as before at the median and %s times at p90, %s.", times(r.P50), times(r.P90), where)
}

// subsetName is a subset as people call it.
func subsetName(subset string) string {
	if subset == "" {
		return "pods without a subset"
	}
	return "subset " + strings.TrimPrefix(subset, "version-")
}

// slower says how much longer requests take than at the siblings.
func slower(e *correlate.Evidence) string {
	server, client := e.Sides[correlate.SideServer], e.Sides[correlate.SideClient]
	long := func(r correlate.SideRatios) string {
		return fmt.Sprintf("%s times as long as %s at the median and %s times at p90", times(r.P50), theSiblings(e), times(r.P90))
	}
	switch {
	case server.P50.Value > 0 && client.P50.Value > 0:
		return fmt.Sprintf("By its own proxy, requests take %s; by its callers %s and %s times.", long(server), times(client.P50), times(client.P90))
	case server.P50.Value > 0:
		return fmt.Sprintf("By its own proxy, requests take %s.", long(server))
	case client.P50.Value > 0:
		return fmt.Sprintf("By its callers, requests take %s.", long(client))
	}
	return ""
}

// ruledOut is what else it might have been, and the figure that speaks against
// each.
func ruledOut(f *correlate.Finding) []string {
	e := &f.Evidence
	var out []string
	if f.Kind == kind.SlowPod || f.Kind == kind.SlowPodUnverified {
		if others, ok := asUsual(e); ok && e.Siblings > 0 && others < asBeforeRatio {
			out = append(out, fmt.Sprintf("the whole service (the siblings’ p90 is %s times the usual)", times(correlate.Ratio{Value: others})))
		}
	}
	server := e.Sides[correlate.SideServer]
	switch {
	case f.Kind == kind.SlowPod && f.Proof == correlate.ProofBoth && max(server.P50.Value, server.P90.Value) >= asBeforeRatio:
		worst := server.P50
		if server.P90.Value > worst.Value {
			worst = server.P90
		}
		out = append(out, fmt.Sprintf("the way to it (its own proxy saw %s times, too)", times(worst)))
	case f.Kind == kind.Network && server.P50.Value > 0 && max(server.P50.Value, server.P90.Value) < asBeforeRatio && e.Held <= e.Confirmed:
		out = append(out, fmt.Sprintf("its app (by its own proxy it takes %s times as long as its siblings)", times(server.P50)))
	}
	if f.UpstreamHost != "" && e.MainCaller == "" && len(e.Callers) > 1 {
		out = append(out, fmt.Sprintf("the caller (%s of %s callers have timeouts there)", count(uint64(e.HitCallers)), count(uint64(e.AllCallers))))
	}
	return out
}

// asBeforeRatio is up to what multiple things count as they were.
const asBeforeRatio = 1.3

// asUsual is the siblings’ p90 over a course, as a multiple of what it was
// before.
func asUsual(e *correlate.Evidence) (mean float64, ok bool) {
	n := 0
	for _, p := range e.Course {
		mean += p.Others * float64(p.Requests)
		n += p.Requests
	}
	if n == 0 || e.UsualP90 == 0 {
		return 0, false
	}
	return mean / float64(n) / e.UsualP90, true
}

func theSiblings(e *correlate.Evidence) string {
	switch e.Siblings {
	case 0:
		return "before"
	case 1:
		return "its one sibling"
	}
	return fmt.Sprintf("its %s siblings", small(e.Siblings))
}

// times is a ratio as people read it; of a lower bound it stays one.
func times(r correlate.Ratio) string {
	v := r.Value
	digits := 1
	if v >= 10 {
		digits = 0
	}
	if !r.Cut {
		return fmt.Sprintf("%.*f", digits, v)
	}
	unit := math.Pow10(digits)
	return fmt.Sprintf("at least %.*f", digits, math.Floor(v*unit)/unit)
}

// podLogged says what the pod's proxy logged of its callers' timeouts.
func podLogged(e *correlate.Evidence) string {
	if matched := e.Confirmed + e.Held; matched != e.Timeouts {
		return fmt.Sprintf("The pod’s own proxy logged %s; %s matched, call by call.",
			plural(int(e.Disconnects), "disconnect"), count(matched))
	}
	if e.Timeouts == 1 {
		return "The pod’s own proxy logged it as a disconnect."
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
	switch e.Siblings {
	case 0:
		return ""
	case 1:
		who = "Its one sibling"
	}
	if cut == 0 {
		return who + " had none."
	}
	return fmt.Sprintf("%s had %s of %s.", who, count(cut), count(e.SiblingRequests))
}
