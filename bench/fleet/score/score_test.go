package score

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/fleet/world"
)

// The truth of these tests: an hour, in seconds, of two services. Pod a has
// address 1 until 2000 and pod d from 2100 on.
const hour = 3600

func ms(s float64) int64 { return int64(s * 1000) }

func fleet(episodes ...world.Episode) *world.Truth {
	life := func(service, pod, host string, born, died, hidden float64) world.PodLife {
		return world.PodLife{Service: service, Pod: pod, Host: host, PodID: "id-" + pod, Node: "node-" + pod,
			Born: ms(born), Died: ms(died), Hidden: hidden, Requests: 1000}
	}
	return &world.Truth{
		Begin: 0, End: ms(hour), Episodes: episodes,
		Pods: []world.PodLife{
			life("s", "a", "1", 0, 2000, 1), life("s", "b", "2", 0, 0, 1), life("s", "c", "3", 0, 0, 1.3),
			life("s", "d", "1", 2100, 0, 1), life("r", "e", "5", 0, 0, 1),
		},
	}
}

// of is an episode of a pod.
func of(kind world.Kind, pod string, start, end float64, requests int) world.Episode {
	service := "s"
	if pod == "e" {
		service = "r"
	}
	return world.Episode{Kind: kind, Service: service, Pod: pod, PodID: "id-" + pod, Node: "node-" + pod,
		Start: ms(start), End: ms(end), Requests: requests}
}

// serviceWide is an episode of a service.
func serviceWide(kind world.Kind, service string, start, end float64) world.Episode {
	return world.Episode{Kind: kind, Service: service, Start: ms(start), End: ms(end), Requests: 1000}
}

func podAlert(kind, pod string, at float64) Alert {
	return Alert{Kind: kind, Pod: pod, Service: "s", At: ms(at)}
}

func host(h string, at float64) Alert { return Alert{Kind: SlowPod, Host: h, At: ms(at)} }

func service(kind, name string, at float64) Alert {
	return Alert{Kind: kind, Service: name, At: ms(at)}
}

func until(a Alert, cleared float64) Alert { a.Cleared = ms(cleared); return a }

func TestWhatIsTrue(t *testing.T) {
	slow := of(world.Slow5, "a", 1000, 1200, 100)
	for _, c := range []struct {
		name         string
		truth        *world.Truth
		alerts       []Alert
		right, wrong int
	}{
		{"during the fault", fleet(slow), []Alert{podAlert(SlowPod, "a", 1100)}, 1, 0},
		{"at its first moment", fleet(slow), []Alert{podAlert(SlowPod, "a", 1000)}, 1, 0},
		{"before it", fleet(slow), []Alert{podAlert(SlowPod, "a", 999)}, 0, 1},
		{"180 s after its end", fleet(slow), []Alert{podAlert(SlowPod, "a", 1380)}, 1, 0},
		{"later", fleet(slow), []Alert{podAlert(SlowPod, "a", 1381)}, 0, 1},
		{"on another pod", fleet(slow), []Alert{podAlert(SlowPod, "b", 1100)}, 0, 1},
		{"on nobody", fleet(slow), []Alert{podAlert(SlowPod, "x", 1100)}, 0, 1},
		{"by its address", fleet(slow), []Alert{host("1", 1100)}, 1, 0},
		{"by a name that nobody has, and an address", fleet(slow), []Alert{{Kind: SlowPod, Pod: "x", Host: "1", At: ms(1100)}}, 1, 0},
		{"by an address that is another's by now", fleet(of(world.Slow5, "a", 1800, 2000, 100)), []Alert{host("1", 2110)}, 0, 1},
		{"by an address that nobody has since", fleet(of(world.Slow5, "a", 1800, 2000, 100)), []Alert{host("1", 2050)}, 1, 0},
		{"packet loss is no slow pod", fleet(of(world.PacketLoss, "a", 1000, 1200, 100)), []Alert{podAlert(SlowPod, "a", 1100)}, 0, 1},
		{"nor is a slow service", fleet(serviceWide(world.SlowService, "s", 1000, 1200)), []Alert{podAlert(SlowPod, "a", 1100)}, 0, 1},
		{"few requests do not make it false", fleet(of(world.Slow5, "a", 1000, 1200, 3)), []Alert{podAlert(SlowPod, "a", 1100)}, 1, 0},
		{"the callers' word does not count", fleet(slow), []Alert{podAlert(Unverified, "a", 1100)}, 0, 0},
		{"nor do other kinds", fleet(slow), []Alert{podAlert(Network, "a", 1100), service(SlowService, "s", 1100)}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Judge(c.truth, c.alerts, nil, Options{})
			if s.True != c.right || s.False != c.wrong {
				t.Errorf("%d true, %d false; want %d, %d", s.True, s.False, c.right, c.wrong)
			}
		})
	}
}

func TestAlertsWithinFiveMinutesAreOne(t *testing.T) {
	slow := of(world.Slow5, "a", 1000, 1200, 100)
	for _, c := range []struct {
		name         string
		alerts       []Alert
		right, wrong int
	}{
		{"two", []Alert{podAlert(SlowPod, "b", 100), podAlert(SlowPod, "b", 400)}, 0, 1},
		{"in any order", []Alert{podAlert(SlowPod, "b", 400), podAlert(SlowPod, "b", 100)}, 0, 1},
		{"a second later", []Alert{podAlert(SlowPod, "b", 100), podAlert(SlowPod, "b", 401)}, 0, 2},
		{"counted from the first", []Alert{podAlert(SlowPod, "b", 100), podAlert(SlowPod, "b", 300), podAlert(SlowPod, "b", 500)}, 0, 2},
		{"on two pods", []Alert{podAlert(SlowPod, "b", 100), podAlert(SlowPod, "c", 100)}, 0, 2},
		{"by name and by address", []Alert{podAlert(SlowPod, "b", 100), host("2", 200)}, 0, 1},
		{"on the address of two pods", []Alert{host("1", 1990), host("1", 2110)}, 0, 2},
		{"true ones", []Alert{podAlert(SlowPod, "a", 1010), podAlert(SlowPod, "a", 1190)}, 1, 0},
		{"a false one before hides no true one", []Alert{podAlert(SlowPod, "a", 990), podAlert(SlowPod, "a", 1010)}, 1, 1},
		{"nor excuses a true one a false one after", []Alert{podAlert(SlowPod, "a", 1375), podAlert(SlowPod, "a", 1390)}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Judge(fleet(slow), c.alerts, nil, Options{})
			if s.True != c.right || s.False != c.wrong {
				t.Errorf("%d true, %d false; want %d, %d", s.True, s.False, c.right, c.wrong)
			}
		})
	}
}

func TestUnverifiedCountsWhereAskedFor(t *testing.T) {
	truth := fleet(of(world.Slow5, "a", 1000, 1200, 100), of(world.PacketLoss, "b", 1000, 1200, 100))
	alerts := []Alert{podAlert(Unverified, "a", 1050), podAlert(SlowPod, "a", 1080), podAlert(Unverified, "b", 1050), podAlert(Unverified, "c", 1050)}
	s := Judge(truth, alerts, nil, Options{Unverified: true})
	if s.True != 1 || s.False != 2 || s.Path != 1 {
		t.Errorf("%d true, %d false, %d of them on the way; want 1, 2, 1", s.True, s.False, s.Path)
	}
	if got := s.Recall(Enough); got != (Figure{1, 1}) {
		t.Errorf("recall %v", got)
	}
	if got := s.Delay(Enough, 0.5); got != (Figure{50, 1}) {
		t.Errorf("delay %v", got)
	}
	if p, path := s.Precision(), s.PathPrecision(); p != (Figure{1. / 3, 3}) || path != (Figure{2. / 3, 3}) {
		t.Errorf("precision %v, with the way %v", p, path)
	}
	// The kinds by themselves are counted all the same.
	if got := s.Kinds[SlowPod]; got != (Count{1, 0}) {
		t.Errorf("slow_pod %v", got)
	}
	if got := s.Kinds[Unverified]; got != (Count{1, 2}) {
		t.Errorf("slow_pod_unverified %v", got)
	}
	if got := s.Share(Unverified); got != (Figure{1, 1}) {
		t.Errorf("share of slow_pod_unverified %v", got)
	}
}

func TestRecallAndDelay(t *testing.T) {
	truth := fleet(
		of(world.Slow5, "a", 1000, 1200, 15),
		of(world.Slow2, "b", 1000, 1200, 100),
		of(world.Hang, "c", 1000, 1200, 100),
		of(world.Slow3, "e", 1000, 1200, 14), // found, and yet not asked for
		of(world.Slow3, "d", 2500, 2700, 60),
		of(world.Slow10, "b", 3000, 3200, 99),
	)
	truth.Episodes[2].Timeouts = 3
	alerts := []Alert{
		podAlert(SlowPod, "a", 1300), podAlert(SlowPod, "b", 1060), podAlert(SlowPod, "e", 1100),
		podAlert(SlowPod, "d", 2700), podAlert(SlowPod, "b", 3020),
	}
	s := Judge(truth, alerts, nil, Options{})
	for _, c := range []struct {
		name   string
		of     Stratum
		recall Figure
		p50    Figure
	}{
		{"enough requests", Enough, Figure{0.8, 5}, Figure{60, 4}},
		{"many", Many, Figure{0.5, 2}, Figure{60, 1}},
		{"many, severe", ManySevere, Figure{0, 1}, Figure{math.Inf(1), 1}},
		{"many, mild", ManyMild, Figure{1, 1}, Figure{60, 1}},
		{"some", Some, Figure{1, 2}, Figure{20, 2}},
		{"few", Few, Figure{1, 1}, Figure{300, 1}},
		{"severe", Severe, Figure{0.75, 4}, Figure{200, 3}},
		{"timed out", TimedOut, Figure{0, 1}, Figure{math.Inf(1), 1}},
	} {
		if got := s.Recall(c.of); got != c.recall {
			t.Errorf("%s: recall %v, want %v", c.name, got, c.recall)
		}
		if got := s.Delay(c.of, 0.5); got != c.p50 {
			t.Errorf("%s: p50 %v, want %v", c.name, got, c.p50)
		}
	}
	if got := s.Delay(Enough, 0.95); got != (Figure{300, 4}) {
		t.Errorf("p95 %v", got)
	}
	if got := s.AlertsPerFault(); got != (Figure{1, 5}) {
		t.Errorf("alerts per fault %v", got)
	}
}

func TestAFaultIsFound(t *testing.T) {
	first := of(world.Ramp, "a", 1000, 1400, 100)
	for _, c := range []struct {
		name   string
		second world.Episode
		alerts []Alert
		want   []Fault // found, delay and timed alone
	}{
		{"by the first alert", of(world.Slow2, "b", 1, 2, 100), []Alert{podAlert(SlowPod, "a", 1100), podAlert(SlowPod, "a", 1401)},
			[]Fault{{Found: true, Delay: 100, Timed: true}, {}}},
		{"both by one alert while both are on", of(world.SlowNode, "a", 1200, 1500, 100), []Alert{podAlert(SlowPod, "a", 1300)},
			[]Fault{{Found: true, Delay: 300, Timed: true}, {Found: true, Delay: 100, Timed: true}}},
		{"the second by an alert that is still on", of(world.SlowNode, "a", 1200, 1500, 100),
			[]Alert{until(podAlert(SlowPod, "a", 1100), 1300)},
			[]Fault{{Found: true, Delay: 100, Timed: true}, {Found: true}}},
		{"not by one that was over", of(world.SlowNode, "a", 1200, 1500, 100), []Alert{until(podAlert(SlowPod, "a", 1100), 1199)},
			[]Fault{{Found: true, Delay: 100, Timed: true}, {}}},
		{"nor by one that was false", of(world.SlowNode, "a", 1500, 1600, 100), []Alert{podAlert(SlowPod, "a", 900)},
			[]Fault{{}, {}}},
		{"by an alert that came again within five minutes", of(world.SlowNode, "a", 1450, 1500, 100),
			[]Alert{until(podAlert(SlowPod, "a", 1300), 1400), podAlert(SlowPod, "a", 1480)},
			[]Fault{{Found: true, Delay: 300, Timed: true}, {Found: true, Delay: 30, Timed: true}}},
		{"from before the first line on", of(world.Slow5, "b", -100, 500, 100), []Alert{podAlert(SlowPod, "b", 60)},
			[]Fault{{}, {Found: true, Delay: 60, Timed: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Judge(fleet(first, c.second), c.alerts, nil, Options{})
			for i, got := range s.Faults {
				got = Fault{Found: got.Found, Delay: got.Delay, Timed: got.Timed}
				if got != c.want[i] {
					t.Errorf("fault %d: %+v, want %+v", i, got, c.want[i])
				}
			}
		})
	}
}

// An alert during each of two faults of a pod, five minutes apart, is one each.
func TestAlertsPerFault(t *testing.T) {
	truth := fleet(of(world.Slow5, "a", 1000, 1900, 100))
	s := Judge(truth, []Alert{podAlert(SlowPod, "a", 1050), podAlert(SlowPod, "a", 1500)}, nil, Options{})
	if got := s.AlertsPerFault(); got != (Figure{2, 1}) {
		t.Errorf("alerts per fault %v", got)
	}
}

func TestTheEndOfAnAlert(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    float64 // of the fault
		alerts []Alert
		want   []float64
	}{
		{"after the fault's", 1200, []Alert{until(podAlert(SlowPod, "b", 1050), 1275)}, []float64{75}},
		{"before it", 1200, []Alert{until(podAlert(SlowPod, "b", 1050), 1150)}, []float64{0}},
		{"of the last of its alerts", 1200, []Alert{until(podAlert(SlowPod, "b", 1050), 1150), until(podAlert(SlowPod, "b", 1190), 1300)}, []float64{100}},
		{"of one that counts by itself", 1500, []Alert{until(podAlert(SlowPod, "b", 1050), 1150), until(podAlert(SlowPod, "b", 1450), 1600)}, []float64{100}},
		{"never: as long as the run", 1200, []Alert{podAlert(SlowPod, "b", 1050)}, []float64{2400}},
		{"too late to ask", 3001, []Alert{until(podAlert(SlowPod, "b", 1050), 3100)}, nil},
		{"no alert", 1200, nil, nil},
		{"not of an alert before it", 1200, []Alert{until(podAlert(SlowPod, "b", 900), 1500)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Judge(fleet(of(world.Slow5, "b", 1000, c.end, 100)), c.alerts, nil, Options{})
			if d := cmp.Diff(c.want, s.Clears); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPodDays(t *testing.T) {
	truth := fleet()
	s := Judge(truth, nil, nil, Options{})
	if want := (2000 + 3*3600 + 1500) / 86400.; math.Abs(s.PodDays-want) > 1e-9 || s.Pods != 5 {
		t.Errorf("%v pod-days of %d pods, want %v of 5", s.PodDays, s.Pods, want)
	}
	s = Judge(truth, []Alert{podAlert(SlowPod, "b", 2399), podAlert(SlowPod, "b", 3000)}, nil, Options{From: ms(2400)})
	if want := (3*1200 + 1200) / 86400.; math.Abs(s.PodDays-want) > 1e-9 {
		t.Errorf("%v pod-days from 2400 s on, want %v", s.PodDays, want)
	}
	if s.False != 1 {
		t.Errorf("%d false alerts from 2400 s on", s.False)
	}
	if got := s.FalsePer1000(); math.Abs(got.Value-18000) > 1e-6 {
		t.Errorf("%v per 1000 pod-days", got)
	}
	truth.Pods[1].Requests = 0
	if n := Judge(truth, nil, nil, Options{}).Pods; n != 4 {
		t.Errorf("%d pods with a request", n)
	}
}

func TestNamed(t *testing.T) {
	hangUps := serviceWide(world.HangUps, "s", 1000, 1200)
	hangUps.Caller = "e"
	truth := fleet(
		serviceWide(world.SlowService, "r", 1000, 1200), serviceWide(world.SlowService, "s", 2000, 2200),
		hangUps, of(world.PacketLoss, "b", 1000, 1200, 3), of(world.PacketLoss, "c", 1000, 1200, 3),
	)
	s := Judge(truth, []Alert{
		service(SlowService, "r", 1061), service(SlowService, "r", 1161), service(SlowService, "s", 1000),
		service(CallerCancels, "s", 1095), service(CallerCancels, "r", 1095),
		podAlert(Network, "b", 1141), podAlert(Network, "a", 1141),
	}, nil, Options{})
	for _, c := range []struct {
		kind  string
		count Count
		share Figure
		p50   Figure
	}{
		{SlowService, Count{1, 1}, Figure{0.5, 2}, Figure{61, 1}},
		{CallerCancels, Count{1, 1}, Figure{1, 1}, Figure{95, 1}},
		{Network, Count{1, 1}, Figure{0.5, 2}, Figure{141, 1}},
		{Unverified, Count{}, Figure{}, Figure{}},
	} {
		if got := s.Kinds[c.kind]; got != c.count {
			t.Errorf("%s: alerts %v, want %v", c.kind, got, c.count)
		}
		if got := s.Share(c.kind); got != c.share {
			t.Errorf("%s: named %v, want %v", c.kind, got, c.share)
		}
		if got := s.NamedDelay(c.kind, 0.5); got != c.p50 {
			t.Errorf("%s: p50 %v, want %v", c.kind, got, c.p50)
		}
	}
	// What was there and was not named at all was never named.
	s = Judge(truth, nil, nil, Options{})
	if got := s.NamedDelay(Network, 0.5); got != (Figure{math.Inf(1), 2}) {
		t.Errorf("p50 without any alert: %v", got)
	}
}

func TestBlame(t *testing.T) {
	outage := world.Episode{Kind: world.LogOutage, Node: "node-b", Start: ms(1000), End: ms(1200)}
	// Pod e calls service s.
	slowCaller := world.Episode{Kind: world.SlowCaller, Service: "s", Caller: "e", Node: "node-e", Start: ms(1000), End: ms(1200)}
	hangUps := world.Episode{Kind: world.HangUps, Service: "r", Caller: "x", Node: "node-a", Start: ms(1000), End: ms(1200)}
	for _, c := range []struct {
		name   string
		trap   world.Episode
		alert  Alert
		want   map[world.Kind]int
		path   int
		hidden int
	}{
		{"packet loss", of(world.PacketLoss, "b", 1000, 1200, 1), podAlert(SlowPod, "b", 1100), map[world.Kind]int{world.PacketLoss: 1}, 1, 0},
		{"packet loss a while ago", of(world.PacketLoss, "b", 1000, 1200, 1), podAlert(SlowPod, "b", 1380), map[world.Kind]int{world.PacketLoss: 1}, 1, 0},
		{"of another pod", of(world.PacketLoss, "a", 1000, 1200, 1), podAlert(SlowPod, "b", 1100), map[world.Kind]int{Nothing: 1}, 0, 0},
		{"of the node", outage, podAlert(SlowPod, "b", 1100), map[world.Kind]int{world.LogOutage: 1}, 0, 0},
		{"of another node", outage, podAlert(SlowPod, "a", 1100), map[world.Kind]int{Nothing: 1}, 0, 0},
		{"of the service", serviceWide(world.Deploy, "s", 1000, 1200), podAlert(SlowPod, "b", 1100), map[world.Kind]int{world.Deploy: 1}, 0, 0},
		{"of another service", serviceWide(world.Deploy, "r", 1000, 1200), podAlert(SlowPod, "b", 1100), map[world.Kind]int{Nothing: 1}, 0, 0},
		{"a caller of the service", slowCaller, podAlert(SlowPod, "b", 1100), map[world.Kind]int{world.SlowCaller: 1}, 0, 0},
		{"the caller itself", slowCaller, podAlert(SlowPod, "e", 1100), map[world.Kind]int{world.SlowCaller: 1}, 0, 0},
		{"a pod on the node of another's caller", hangUps, podAlert(SlowPod, "a", 1100), map[world.Kind]int{Nothing: 1}, 0, 0},
		{"a fault of it that is long over", of(world.Slow5, "b", 1, 2, 99), podAlert(SlowPod, "b", 1100), map[world.Kind]int{Nothing: 1}, 0, 0},
		{"a pod that differs", outage, podAlert(SlowPod, "c", 1100), map[world.Kind]int{Nothing: 1}, 0, 1},
		{"nobody", outage, podAlert(SlowPod, "x", 1100), map[world.Kind]int{Nothing: 1}, 0, 0},
		{"true ones are blamed on nothing", of(world.Slow5, "c", 1000, 1200, 99), podAlert(SlowPod, "c", 1100), map[world.Kind]int{}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Judge(fleet(c.trap), []Alert{c.alert}, nil, Options{})
			if d := cmp.Diff(c.want, s.Blame); d != "" || s.Path != c.path || s.Hidden != c.hidden {
				t.Errorf("%s; %d on the way, %d hidden", d, s.Path, s.Hidden)
			}
		})
	}
}

func TestStarting(t *testing.T) {
	at := func(pod, host string, s float64) Sighting { return Sighting{Pod: pod, Host: host, At: ms(s)} }
	for _, c := range []struct {
		name      string
		all       []Sighting
		some, old int
	}{
		{"young", []Sighting{at("d", "1", 2110), at("d", "1", 2240)}, 1, 0},
		{"too old", []Sighting{at("d", "1", 2110), at("d", "1", 2250)}, 1, 1},
		{"each pod once", []Sighting{at("d", "1", 2300), at("d", "1", 2310), at("b", "2", 50)}, 2, 1},
		{"by its address", []Sighting{at("", "1", 2150)}, 1, 0},
		{"none", nil, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s := Judge(fleet(), nil, c.all, Options{}); s.Starting != c.some || s.StartingOld != c.old {
				t.Errorf("%d starting, %d too old; want %d, %d", s.Starting, s.StartingOld, c.some, c.old)
			}
		})
	}
}

func TestCases(t *testing.T) {
	first, second := of(world.Slow5, "a", 1000, 1400, 100), of(world.SlowNode, "a", 1200, 1500, 100)
	for _, c := range []struct {
		name   string
		truth  *world.Truth
		alerts []Alert
		want   []string
	}{
		{"found", fleet(first), []Alert{podAlert(SlowPod, "a", 1200)}, nil},
		{"late", fleet(first), []Alert{podAlert(SlowPod, "a", 1201)},
			[]string{"slow_pod after 201 s: x5 x0 on s a for 400 s, 100 requests, 0 timeouts"}},
		{"missed", fleet(first), nil, []string{"slow_pod missed: x5 x0 on s a for 400 s, 100 requests, 0 timeouts"}},
		{"too few requests to be found", fleet(of(world.Slow5, "a", 1000, 1400, 14)), nil, nil},
		{"the second by an alert that is still on", fleet(first, second), []Alert{until(podAlert(SlowPod, "a", 1100), 1300)}, nil},
		{"false", fleet(first), []Alert{podAlert(SlowPod, "a", 1100), podAlert(SlowPod, "c", 1100)},
			[]string{"slow_pod false, 1100 s in: s c, aged 1100 s, always x1.30 of its siblings"}},
		{"false, of a service in trouble", fleet(serviceWide(world.Deploy, "s", 1000, 1200)), []Alert{podAlert(SlowPod, "b", 1100)},
			[]string{"slow_pod false, 1100 s in: s b, aged 1100 s, always x1.00 of its siblings; deploy since 100 s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Judge(c.truth, c.alerts, nil, Options{}).Cases); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPlus(t *testing.T) {
	truth := fleet(of(world.Slow5, "a", 1000, 1200, 100), of(world.PacketLoss, "b", 1000, 1200, 100))
	alerts := []Alert{until(podAlert(SlowPod, "a", 1060), 1260), podAlert(SlowPod, "b", 1100), podAlert(Network, "b", 1100)}
	one := Judge(truth, alerts, []Sighting{{Pod: "a", At: 1}}, Options{})
	var sum Sheet
	sum.Plus(one)
	sum.Plus(one)
	if d := cmp.Diff(Judge(truth, alerts, []Sighting{{Pod: "a", At: 1}}, Options{}), one); d != "" {
		t.Errorf("what is added is changed: %s", d)
	}
	if sum.Runs != 2 || sum.Precision() != (Figure{0.5, 4}) || sum.Recall(Enough) != (Figure{1, 2}) || sum.Pods != 10 ||
		sum.Path != 2 || sum.Blame[world.PacketLoss] != 2 || sum.Kinds[Network] != (Count{2, 0}) ||
		sum.Share(Network) != (Figure{1, 2}) || sum.Clear(0.5) != (Figure{60, 2}) || sum.Starting != 2 ||
		sum.FalsePer1000() != (Figure{one.FalsePer1000().Value, 2}) {
		t.Errorf("two runs: %+v", sum)
	}
}

func TestQuantileIsAValueThatWasThere(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{nil, 0.5, 0}, {[]float64{7}, 0.95, 7}, {[]float64{3, 1, 2}, 0.5, 2}, {[]float64{1, 2, 3, 4}, 0.5, 2},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.95, 10}, {[]float64{1, 2}, 0, 1},
	} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("%v of %v is %v, want %v", c.q, c.values, got, c.want)
		}
	}
}
