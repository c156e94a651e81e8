package causes

import (
	"strings"
	"testing"
)

// Whoever sends a request may write names to be pasted into a shell.
func TestInCommand(t *testing.T) {
	for _, text := range []string{
		"", " ", "a b", "a;b", "a|b", "a&b", "$(a)", "`a`", "a\nb", "a>b", "<a", "a'b", `a"b`, `a\b`, "*", "?", "~", "#a", "!a",
		"-a", "--all", "a-", ".", "..", "a..b", ".a", "a.", "/etc", "A", "ä", "a\u202e", "a\x00", "\xff",
		strings.Repeat("a", 254), "{a,b}", "{pod}", "%s", "a_b", "[::1]", "a:80",
	} {
		if got := InCommand(text, "pod"); got != "<pod>" {
			t.Errorf("%q enters a command as %q", text, got)
		}
	}
	for _, text := range []string{
		"a", "catalog-v2-56c9bc5bc4-8zkxj", "catalog.shop.svc.cluster.local", "0", "10.0.0.1", strings.Repeat("a", 63),
	} {
		if InCommand(text, "pod") != text {
			t.Errorf("%q does not enter a command", text)
		}
	}
}

func TestAddrPort(t *testing.T) {
	for host, want := range map[string]string{
		"172.17.0.17:3000": "172.17.0.17", "[2001:db8::1]:80": "2001:db8::1",
		"": "", "172.17.0.17": "", "cart:80": "", "172.17.0.17:": "", "172.17.0.17:99999": "", "[fe80::1%eth0]:80": "",
		"1.2.3.4:80;x": "", " 1.2.3.4:80": "",
	} {
		a, ok := AddrPort(host)
		if ok != (want != "") || ok && a.Addr().String() != want {
			t.Errorf("AddrPort(%q) = %v, %v, want %q", host, a, ok, want)
		}
	}
}

func TestFill(t *testing.T) {
	const all = "kubectl {namespace} {service} {subset} {pod} {node} {fqdn} {authority} {ip} {port} {caller} {caller_namespace} {caller_ip} {request_id} {since}"
	f := func(n Names, want string) {
		t.Helper()
		if got := Fill(all, &n); got != want {
			t.Errorf("Fill(%+v)\n got %s\nwant %s", n, got, want)
		}
	}
	f(Names{}, "kubectl <namespace> <service> <subset> <pod> <node> <fqdn> <authority> <ip> <port> <caller> <caller_namespace> <caller_ip> <request_id> <time>")
	f(Names{
		Namespace: "shop", Service: "orders", Subset: "v2", Pod: "orders-1", Node: "node-7",
		FQDN: "orders.shop.svc.cluster.local", Authority: "orders:8080", Host: "10.0.0.9:8443",
		Caller: "web-0", CallerNamespace: "front", CallerHost: "10.0.0.7:0",
		RequestID: "da28cc83-9055-9ed5-8c0e-104bf3337a0c", Since: "2026-03-02T10:00:00Z",
	}, "kubectl shop orders v2 orders-1 node-7 orders.shop.svc.cluster.local orders 10.0.0.9 8443 web-0 front 10.0.0.7 da28cc83-9055 2026-03-02T10:00:00Z")
	f(Names{
		Namespace: "a;b", Service: "$(x)", Subset: "{pod}", Pod: "--all", Node: "a b", FQDN: "`x`",
		Authority: "-o:80", Host: "10.0.0.9:8443 ; x", Caller: "x|sh", CallerNamespace: "x\ny", CallerHost: "10.0.0.7", RequestID: "x; y", Since: "now; x",
	}, "kubectl <namespace> <service> <subset> <pod> <node> <fqdn> <authority> <ip> <port> <caller> <caller_namespace> <caller_ip> <request_id> <time>")
}
