package classify

import (
	"strings"
	"testing"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// b is a text field: nil where empty.
func b(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func TestSideOfCluster(t *testing.T) {
	f := func(cluster string, want Side) {
		t.Helper()
		if got := SideOf(&accesslog.Record{HasCluster: true, Cluster: b(cluster)}); got != want {
			t.Errorf("SideOf(%q) = %s, want %s", cluster, got, want)
		}
	}
	f("outbound|80|v1|svc.ns.svc.cluster.local", Client)
	f("outbound|80||svc.ns.svc.cluster.local", Client)
	f("outbound_.80_.v1_.svc.ns.svc.cluster.local", Client)
	f("outbound_.80_._.svc.ns.svc.cluster.local", Client)
	f("PassthroughCluster", Client)
	f("AllowAnyDynamicDNSCluster", Client)
	f("BlackHoleCluster", Client)

	f("inbound|8080||", Server)
	f("inbound|8000|http|svc.ns.svc.cluster.local", Server) // Istio up to 1.7
	f("inbound|9080|http|", Server)
	f("InboundPassthroughCluster", Server)
	f("InboundPassthroughClusterIpv4", Server) // Istio up to 1.22
	f("InboundPassthroughClusterIpv6", Server)

	f("inbound-vip|80|http|svc.ns.svc.cluster.local", Waypoint)
	f("inbound-vip|80|tcp|svc.ns.svc.cluster.local", Waypoint)
}

// An empty cluster is a client's, unless something only an inbound listener
// writes stands beside it. The tells mean nothing beside a cluster.
func TestSideOfEmptyCluster(t *testing.T) {
	f := func(details, upstreamLocal, serverName string, want Side) {
		t.Helper()
		r := accesslog.Record{HasCluster: true, Details: b(details), UpstreamLocal: b(upstreamLocal), ServerName: b(serverName)}
		if got := SideOf(&r); got != want {
			t.Errorf("SideOf(details %q, upstream_local %q, SNI %q) = %s, want %s", details, upstreamLocal, serverName, got, want)
		}
		r.Cluster = b("outbound|80||svc")
		if got := SideOf(&r); got != Client {
			t.Errorf("the same with an outbound cluster: %s", got)
		}
		r.Cluster, r.HasCluster = nil, false
		if got := SideOf(&r); got != Unknown {
			t.Errorf("the same without a cluster field: %s", got)
		}
	}
	f("", "", "", Client)
	f("route_not_found", "", "", Client)
	f("cluster_not_found", "", "", Client)
	f("direct_response", "", "", Client)
	f("route_not_found", "", "shop.example.com", Client) // a gateway's own TLS
	f("", "10.244.1.8:45690", "", Client)

	f("filter_chain_not_found", "", "", Server)
	f("", "127.0.0.6:52563", "", Server)
	f("", "[::6]:52563", "", Server)
	f("rbac_access_denied_matched_policy[none]", "", "outbound_.8080_._.orders.shop.svc.cluster.local", Server)

	// near misses
	f("filter_chain_not_found_", "", "", Client)
	f("", "127.0.0.60:5256", "", Client)
	f("", "127.0.0.1:5256", "", Client)
	f("", "[::66]:5256", "", Client)
	f("", "", "x.outbound_.8080_._.orders", Client)
	f("", "", "outbound.8080.orders", Client)
}

func TestTargetOf(t *testing.T) {
	f := func(side Side, cluster, serverName, service, subset string) {
		t.Helper()
		got := TargetOf(&accesslog.Record{HasCluster: true, Cluster: b(cluster), ServerName: b(serverName)}, side)
		if string(got.Service) != service || string(got.Subset) != subset {
			t.Errorf("TargetOf(%s, cluster %q, SNI %q) = %q, %q; want %q, %q", side, cluster, serverName, got.Service, got.Subset, service, subset)
		}
		if (got.Service == nil) != (service == "") || (got.Subset == nil) != (subset == "") {
			t.Errorf("TargetOf(%s, cluster %q, SNI %q): what is not said must be nil", side, cluster, serverName)
		}
	}
	const fqdn = "catalog.istioinaction.svc.cluster.local"
	sni := "outbound_.80_.version-v2_." + fqdn

	// a client's cluster
	f(Client, "outbound|80|version-v2|"+fqdn, "", fqdn, "version-v2")
	f(Client, "outbound|80||"+fqdn, "", fqdn, "")
	f(Client, "outbound|443||api.example.com", "api.example.com", "api.example.com", "")
	f(Client, "outbound_.80_.version-v2_."+fqdn, "", fqdn, "version-v2")
	f(Client, "outbound_.80_._."+fqdn, "", fqdn, "")
	f(Client, "PassthroughCluster", "", "", "")
	f(Client, "AllowAnyDynamicDNSCluster", "", "", "")
	f(Client, "BlackHoleCluster", "", "", "")
	f(Client, "", sni, "", "") // a client's SNI is not its target
	f(Client, "outbound|80|v1|", "", "", "")
	f(Client, "outbound|80|v1", "", "", "")
	f(Client, "outbound|80", "", "", "")

	// a server's SNI, of exactly one form: it is the peer's word
	f(Server, "inbound|8080||", sni, fqdn, "version-v2")
	f(Server, "inbound|8080||", "outbound_.80_._."+fqdn, fqdn, "")
	f(Server, "InboundPassthroughCluster", sni, fqdn, "version-v2")
	f(Server, "", sni, fqdn, "version-v2")
	for _, near := range []string{
		fqdn,
		"outbound_.80_.version-v2",
		"outbound_.80_._.",
		"outbound_.80_.",
		"outbound_._._." + fqdn,
		"outbound_.http_._." + fqdn,
		"outbound_.800000_._." + fqdn,
		"outbound_.80._." + fqdn,
		"outbound.80.version-v2." + fqdn,
		"Outbound_.80_._." + fqdn,
		"inbound_.80_._." + fqdn,
		"x-outbound_.80_._." + fqdn,
		"outbound_.80_._.catalog shop",
		"outbound_.80_._.catalog;rm",
		"outbound_.80_._.catalog\n",
		"outbound_.80_._.catalög",
		"outbound_.80_.v 2_." + fqdn,
		"outbound_.80_.v|2_." + fqdn,
		"outbound_.80_._." + strings.Repeat("a", 254),
	} {
		f(Server, "inbound|8080||", near, "", "")
	}

	// an inbound cluster of Istio up to 1.7 names its service; the third
	// part is a port's name, not a subset
	f(Server, "inbound|8000|http|"+fqdn, "", fqdn, "")
	f(Server, "inbound|8000|http|"+fqdn, "outbound_.80_.v2_.cart.shop.svc.cluster.local", "cart.shop.svc.cluster.local", "v2")
	f(Server, "inbound|8080||", "", "", "")
	f(Server, "InboundPassthroughCluster", "", "", "")

	f(Waypoint, "inbound-vip|80|http|"+fqdn, "", fqdn, "")
	f(Unknown, "outbound|80||"+fqdn, sni, "", "")
}

// The namespace of a service's pods is the second label of a name in a cluster.
func TestNamespace(t *testing.T) {
	for service, want := range map[string]string{
		"catalog.istioinaction.svc.cluster.local": "istioinaction", "catalog.istioinaction.svc": "istioinaction",
		"catalog": "", "unknown": "", "": "", "edition.cnn.com": "", "a.b.svcx": "", "catalog.istioinaction": "",
	} {
		if got := Namespace(service); got != want {
			t.Errorf("Namespace(%q) = %q, want %q", service, got, want)
		}
	}
}
