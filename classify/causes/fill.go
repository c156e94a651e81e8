package causes

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Names are what stands in commands, as records and logs have it: whoever sent
// a request may have written it to be pasted into a shell. What is "" or is not
// of the form that its place demands becomes a <placeholder>.
type Names struct {
	Namespace, Service, Subset, Pod, Node string
	// FQDN is the service's whole name, Authority what the caller asked for
	// (a port may follow).
	FQDN, Authority string
	// Host is the upstream host, ip:port; it gives {ip} and {port}.
	Host string
	// Caller is the calling pod, CallerNamespace its namespace, CallerHost an
	// ip:port of it; it gives {caller_ip}.
	Caller, CallerNamespace, CallerHost string
	// RequestID finds the other records of a call. Of a UUID the first 13
	// characters are used: proxies rewrite the next one that means anything.
	RequestID string
	// Since is a time in RFC 3339.
	Since string
}

// Fill puts names into a command of the table. The result is one program, piped
// to grep or jq at most, that only a reader's shell can take for anything else
// if a placeholder is left in it.
func Fill(command string, n *Names) string {
	if !strings.Contains(command, "{") {
		return command
	}
	ip, port := "<ip>", "<port>"
	if a, ok := AddrPort(n.Host); ok {
		ip, port = a.Addr().String(), strconv.Itoa(int(a.Port()))
	}
	callerIP := "<caller_ip>"
	if a, ok := AddrPort(n.CallerHost); ok {
		callerIP = a.Addr().String()
	}
	authority, _, _ := strings.Cut(n.Authority, ":")
	id := n.RequestID
	if len(id) == 36 && id[13] == '-' {
		id = id[:13]
	}
	since := "<time>"
	if _, err := time.Parse(time.RFC3339, n.Since); err == nil {
		since = n.Since
	}
	return strings.NewReplacer(
		"{namespace}", InCommand(n.Namespace, "namespace"),
		"{service}", InCommand(n.Service, "service"),
		"{subset}", InCommand(n.Subset, "subset"),
		"{pod}", InCommand(n.Pod, "pod"),
		"{node}", InCommand(n.Node, "node"),
		"{fqdn}", InCommand(n.FQDN, "fqdn"),
		"{authority}", InCommand(authority, "authority"),
		"{ip}", ip,
		"{port}", port,
		"{caller}", InCommand(n.Caller, "caller"),
		"{caller_namespace}", InCommand(n.CallerNamespace, "caller_namespace"),
		"{caller_ip}", callerIP,
		"{request_id}", InCommand(id, "request_id"),
		"{since}", since,
	).Replace(command)
}

var dnsName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// InCommand returns s if it may stand in a command as a name: a DNS label or
// name; else a placeholder.
func InCommand(s, placeholder string) string {
	if len(s) > 0 && len(s) <= 253 && dnsName.MatchString(s) {
		return s
	}
	return "<" + placeholder + ">"
}

// AddrPort reads an ip:port that may stand in a command.
func AddrPort(s string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddrPort(s)
	return a, err == nil && a.Addr().Zone() == ""
}
