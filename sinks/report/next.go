package report

import (
	"fmt"
	"time"

	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
)

// cause is who is to blame, as far as the records tell.
func cause(f *correlate.Finding) string {
	switch {
	case f.Kind == kind.SlowNode:
		return "what the pods share is the node: its CPU, memory, disk or network"
	case f.Kind == kind.SlowService && f.Evidence.HasBeside:
		return "the subset: its version, its settings, or what only it depends on; no single pod of it stands out"
	case f.Kind == kind.SlowService:
		return "all pods at once: what they depend on, their load, or a new version; no single pod"
	case f.Kind == kind.CallerCancels:
		return "the callers: their application gives up or leaves before the answer"
	case f.Kind == kind.SlowPodUnverified:
		return "the pod or the way to it: only its own proxy’s log can tell"
	case f.Kind == kind.Network && f.Evidence.Held > f.Evidence.Confirmed:
		return "the pod’s own proxy: requests wait there before they reach the app"
	case f.Kind == kind.Network && f.Evidence.MainCaller != "":
		return fmt.Sprintf("the caller %s or the way from it: nearly all the timeouts are its own, of %d callers; the app answers what reaches it",
			f.Evidence.MainCaller, f.Evidence.AllCallers)
	case f.Kind == kind.Network:
		return "the way between the callers and the pod, or the pod’s proxy: the app answers what reaches it"
	case f.Proof == correlate.ProofServer && f.Evidence.Requests == 0 && f.Evidence.Disconnects > 0:
		return "the app in the pod, or callers that leave early: only the callers’ log can tell"
	}
	switch {
	case f.Evidence.Timeouts == 0 && f.Evidence.Siblings == 0:
		return "the app in the pod: it answers, and takes longer than before"
	case f.Evidence.Timeouts == 0:
		return "the app in the pod: it answers, and takes longer than its siblings"
	}
	return "the app in the pod: it had the requests and did not answer in time"
}

// nextOfNode is what to run where the pods of a node are slow.
func nextOfNode(f *correlate.Finding) []Step {
	node := causes.InCommand(f.Node, "node")
	return []Step{
		{Why: "See the node’s conditions, what runs on it and what happened to it", Command: "kubectl describe node " + node},
		{Why: "See whether it is starved of CPU or memory", Command: "kubectl top node " + node},
		{Why: "Give it no new pods, once you know what it has", Command: "kubectl cordon " + node, Changes: true},
	}
}

// nextOfService is what to run where all pods are slow.
func nextOfService(f *correlate.Finding, ns string) []Step {
	service := causes.InCommand(shortName(f.Service), "service")
	return []Step{
		{Why: "See which pods serve it, since when, and how often they were restarted",
			Command: fmt.Sprintf("kubectl -n %s get endpoints %s", ns, service)},
		{Why: "See whether they are starved of CPU or memory", Command: fmt.Sprintf("kubectl -n %s top pod --containers", ns)},
		{Why: "See what changed at that time", Command: fmt.Sprintf("kubectl -n %s get events --sort-by=.lastTimestamp", ns)},
	}
}

// nextOfCallers is what to run where callers leave.
func nextOfCallers(f *correlate.Finding, ns string) []Step {
	caller := "<caller>"
	if len(f.Evidence.Callers) > 0 {
		caller = causes.InCommand(f.Evidence.Callers[0], "caller")
	}
	since := time.UnixMilli(f.Start).UTC().Format(time.RFC3339)
	return []Step{
		{Why: "Read why the application that calls gives up: its own timeout, a restart, or its users leaving",
			Command: fmt.Sprintf("kubectl -n <namespace> logs %s --since-time=%s", caller, since)},
		{Why: "See whether the mesh gives it a timeout that is shorter than the answer takes",
			Command: fmt.Sprintf("kubectl -n %s get virtualservice -o yaml | grep timeout", ns)},
	}
}

// next is what to run, in order. Nothing that changes the cluster comes first.
func next(f *correlate.Finding) []Step {
	ns, pod := causes.InCommand(f.Namespace, "namespace"), causes.InCommand(f.Pod, "pod")
	var steps []Step
	switch {
	case f.Kind == kind.SlowNode:
		return nextOfNode(f)
	case f.Kind == kind.SlowService:
		return nextOfService(f, ns)
	case f.Kind == kind.CallerCancels:
		return nextOfCallers(f, ns)
	case f.Pod == "":
		if a, ok := causes.AddrPort(f.UpstreamHost); ok {
			steps = append(steps, Step{
				Why:     "Which pod has this address: put its name in place of <pod> below",
				Command: fmt.Sprintf("kubectl -n %s get pod -o wide --field-selector status.podIP=%s", ns, a.Addr()),
			})
		}
	}
	since := " --since-time=" + time.UnixMilli(f.Start).UTC().Format(time.RFC3339)
	inPod := func(why, format string, changes bool) {
		steps = append(steps, Step{Why: why, Command: fmt.Sprintf(format, ns, pod), Changes: changes})
	}
	switch f.Kind {
	case kind.SlowPodUnverified:
		inPod("Read the missing side: the pod’s own proxy logs what became of these requests. Give slowpod both logs",
			"kubectl -n %s logs %s -c istio-proxy"+since, false)
		inPod("See whether the pod has been restarted, moved or starved", "kubectl -n %s describe pod %s", false)
	case kind.Network:
		inPod("See whether the pod’s proxy is starved of CPU or memory", "kubectl -n %s top pod %s --containers", false)
		inPod("See where the pod runs and what happened to it", "kubectl -n %s describe pod %s", false)
		inPod("What the pod’s proxy holds back: connections and pending requests to its own app",
			"kubectl -n %s exec %s -c istio-proxy -- pilot-agent request GET clusters | grep inbound", false)
	default:
		inPod("See what the app was doing", "kubectl -n %s logs %s"+since, false)
		inPod("See whether it is starved of CPU or memory", "kubectl -n %s top pod %s --containers", false)
		inPod("See whether it was restarted, throttled or failed its probes", "kubectl -n %s describe pod %s", false)
		if f.Evidence.Requests == 0 {
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
