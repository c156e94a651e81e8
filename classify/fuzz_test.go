package classify

import (
	"regexp"
	"strings"
	"testing"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

var (
	portForm = regexp.MustCompile(`^[0-9]{1,5}$`)
	nameForm = regexp.MustCompile(`^[-._A-Za-z0-9]{1,253}$`)
)

// target is TargetOf once more, by splitting and by regular expressions.
func target(cluster, sni string, side Side) (service, subset string) {
	bySNI := func(s string) (string, string) {
		parts := strings.SplitN(s, "_.", 4)
		if len(parts) != 4 || parts[0] != "outbound" || !portForm.MatchString(parts[1]) || !nameForm.MatchString(parts[3]) ||
			parts[2] != "" && !nameForm.MatchString(parts[2]) {
			return "", ""
		}
		return parts[3], parts[2]
	}
	byCluster := func() (string, string) {
		parts := strings.Split(cluster, "|")
		if len(parts) != 4 || parts[3] == "" {
			return "", ""
		}
		if parts[0] != "outbound" {
			return parts[3], ""
		}
		return parts[3], parts[2]
	}
	switch {
	case side == Unknown:
		return "", ""
	case side != Server && strings.HasPrefix(cluster, "outbound_."):
		return bySNI(cluster)
	case side == Server:
		if service, subset := bySNI(sni); service != "" {
			return service, subset
		}
	}
	return byCluster()
}

func FuzzTargetOf(f *testing.F) {
	for _, s := range []string{
		"outbound|80||a.b.svc.cluster.local", "outbound|80|v1|a", "inbound|80|http|a", "inbound|80||", "inbound-vip|80|http|a.b", "a|b|c|d|e", "|||",
		"outbound_.80_._.a.b", "outbound_.80_.v1_.a", "outbound_.80_.v_1._._.a", "outbound_.800000_._.a", "outbound_._._.a", "outbound_.80_.v1_.a|b", "outbound_.80_._._.a",
	} {
		for side := range Sides {
			f.Add([]byte(s), []byte(s), uint8(side))
		}
	}
	f.Fuzz(func(t *testing.T, cluster, sni []byte, side uint8) {
		s := Side(side % uint8(Sides))
		got := TargetOf(&accesslog.Record{Cluster: cluster, ServerName: sni}, s)
		service, subset := target(string(cluster), string(sni), s)
		if string(got.Service) != service || string(got.Subset) != subset || got.Service != nil && len(got.Service) == 0 || got.Subset != nil && len(got.Subset) == 0 {
			t.Errorf("%v of cluster %q and SNI %q: %q and %q, want %q and %q", s, cluster, sni, got.Service, got.Subset, service, subset)
		}
	})
}
