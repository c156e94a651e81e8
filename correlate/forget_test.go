package correlate

import (
	"fmt"
	"testing"
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
