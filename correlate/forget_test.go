package correlate

import (
	"fmt"
	"testing"

	"github.com/slowpod/slowpod/classify"
)

// rollout is a service of which a pod is replaced every ten minutes, each time
// at a new address.
func rollout(s *scene, pods int) {
	for i := range int64(pods) {
		from := i * 10 * min1
		for at := from; at < from+10*min1; at += 2000 {
			s.call(at, 1+int(i), s.ok())
			s.call(at+500, 200, s.ok())
		}
	}
}

// Pods that nobody has heard of for long enough are forgotten, and their
// addresses free for others; what was counted for their service stays.
func TestForget(t *testing.T) {
	s := newScene(1)
	rollout(s, 20)
	records := s.byEnd()
	all := New(Config{Bounds: DefaultBounds()})
	few := DefaultBounds()
	few.ForgetAfter = 20 * min1
	some := New(Config{Bounds: few})
	for i := range records {
		feed(all).Add(&records[i])
		feed(some).Add(&records[i])
	}
	all.Close()
	some.Close()
	a, b := all.Snapshot(), some.Snapshot()
	if len(a.Pods) <= len(b.Pods) {
		t.Errorf("%d pods kept for an hour, %d for twenty minutes", len(a.Pods), len(b.Pods))
	}
	if len(b.Pods) < 3 || len(b.Pods) > 5 {
		t.Errorf("%d pods, want those of the last half hour and the one that stays", len(b.Pods))
	}
	if got, want := len(some.registry.hosts), len(b.Pods); got != want {
		t.Errorf("%d addresses for %d pods", got, want)
	}
	if len(some.registry.hostList) > 6 {
		t.Errorf("%d places of addresses: they are used again", len(some.registry.hostList))
	}
	for i := range a.Services {
		if x, y := a.Services[i].Total, b.Services[i].Total; x.ClientRequests != y.ClientRequests || x.ServerRequests != y.ServerRequests {
			t.Errorf("%s: %+v, want %+v", a.Services[i].Name, y, x)
		}
	}
	if n := b.Dropped["pods"]; n != 0 {
		t.Errorf("%d dropped", n)
	}
}

// Where there is no room, those go that were silent for ten minutes, and that
// counts as dropped; others find no place.
func TestMakeRoom(t *testing.T) {
	for _, bound := range []int{3, 4, 10} {
		t.Run(fmt.Sprint(bound), func(t *testing.T) {
			const pods = 20
			s := newScene(1)
			rollout(s, pods)
			b := DefaultBounds()
			b.Pods, b.ForgetAfter = bound, 0
			core := New(Config{Bounds: b})
			records := s.byEnd()
			for i := range records {
				feed(core).Add(&records[i])
			}
			core.Close()
			snap := core.Snapshot()
			if len(snap.Pods) > bound {
				t.Errorf("%d pods, bound %d", len(snap.Pods), bound)
			}
			if snap.Dropped["pods"] == 0 {
				t.Error("nothing counted as dropped")
			}
			last := fmt.Sprintf("10.244.2.%d:8080", pods)
			found := false
			for i := range snap.Pods {
				found = found || snap.Pods[i].UpstreamHost == last
			}
			if !found {
				t.Errorf("%s has no place though others are long gone", last)
			}
		})
	}
}

// Pods that held an address before are forgotten, though the address goes on.
func TestForgetOnAnAddressThatGoesOn(t *testing.T) {
	s := newScene(1)
	const pods = 20
	for at := int64(0); at < pods*10*min1; at += 2000 {
		s.call(at, 1, s.ok())
		for i := range s.records[len(s.records)-2:] {
			if r := &s.records[len(s.records)-2+i]; r.Side == classify.Server {
				r.PodID = fmt.Appendf(nil, "uid-%d", at/(10*min1))
			}
		}
		s.call(at+500, 200, s.ok())
	}
	b := DefaultBounds()
	b.ForgetAfter = 20 * min1
	core := New(Config{Bounds: b})
	for _, r := range s.byEnd() {
		feed(core).Add(&r)
	}
	core.Close()
	snap := core.Snapshot()
	if len(snap.Pods) < 3 || len(snap.Pods) > 5 {
		t.Errorf("%d pods, want those of the last half hour and the one that stays", len(snap.Pods))
	}
	var requests uint64
	for i := range snap.Services {
		requests += snap.Services[i].Total.ServerRequests
	}
	if want := uint64(len(s.records) / 2); requests != want {
		t.Errorf("%d requests of pods, want %d", requests, want)
	}
}

// A pod that is at rest keeps nothing that was compared.
func TestAtRest(t *testing.T) {
	s := newScene(1)
	s.traffic(0, onset+20_000, 3, 10, s.slowThirdBy(3)) // not for long enough to be sure
	s.traffic(onset+20_000, 20*min1, 2, 10, func(int64, int) end { return s.ok() })
	core := New(Config{Bounds: DefaultBounds()})
	for _, r := range s.byEnd() {
		feed(core).Add(&r)
	}
	for _, h := range core.registry.hostList {
		for _, p := range h.pods {
			if !p.judge.live && (p.judge.sides != nil || p.judge.evidence != nil) {
				t.Errorf("%s keeps %+v", p.name, p.judge.evidence)
			}
		}
	}
}
