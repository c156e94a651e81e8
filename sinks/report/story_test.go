package report

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/correlate/logstream"
)

// all is one finding of each kind and proof.
func all() map[string]correlate.Finding {
	return map[string]correlate.Finding{
		"slow_pod": slowPod(), "server": serverOnly(), "unverified": unverified(), "network": network(), "held": held(), "ended": ended(),
		"quiet": quiet(), "slow_service": slowService(), "slow_subset": slowSubset(), "one_caller": oneCaller(), "caller_cancels": cancels(), "slow_node": slowNode(),
	}
}

// A title is at most 50 characters, says who and what, and holds no number but
// those of names.
func TestTitle(t *testing.T) {
	f := func(service, subset string, want ...string) {
		t.Helper()
		for i, k := range []kind.Kind{kind.SlowPod, kind.SlowPodUnverified, kind.Network} {
			finding := slowPod()
			finding.Kind, finding.Service, finding.Subset = k, service, subset
			got := tell(&finding, nil).Title
			if n := utf8.RuneCountInString(got); n > 50 {
				t.Errorf("%q has %d characters", got, n)
			}
			if len(want) > 0 && got != want[i] {
				t.Errorf("%s %s: %q, want %q", service, subset, got, want[i])
			}
			if strings.IndexFunc(service+subset, unicode.IsDigit) < 0 && strings.IndexFunc(got, unicode.IsDigit) >= 0 {
				t.Errorf("%q holds a number", got)
			}
		}
	}
	f(catalog, "version-v2", "One pod of catalog v2 is slow", "One pod of catalog v2 looks slow", "Calls to one pod of catalog v2 get lost")
	f(catalog, "", "One pod of catalog is slow", "One pod of catalog looks slow", "Calls to one pod of catalog get lost")
	f("unknown", "", "One pod of unknown is slow", "One pod of unknown looks slow", "Calls to one pod of unknown get lost")
	f(strings.Repeat("a", 60)+".shop.svc.cluster.local", "",
		"One pod of "+strings.Repeat("a", 30)+"… is slow", "One pod of "+strings.Repeat("a", 27)+"… looks slow",
		"Calls to one pod of "+strings.Repeat("a", 20)+"… get lost")
	f("catalog", strings.Repeat("x", 60))
	f("catalog", "version-"+strings.Repeat("ä", 20))
	f(strings.Repeat("ä", 200), strings.Repeat("ö", 200))
	f(strings.Repeat("日", 40)+".shop", "v")
	f("", "")
	for n := range 70 { // around the edges
		f(strings.Repeat("a", n)+".shop.svc.cluster.local", "v")
		f("svc.shop.svc.cluster.local", strings.Repeat("b", n))
	}
}

// The verb carries the certainty: what only one side says looks slow.
func TestCertainty(t *testing.T) {
	for name, f := range all() {
		told := tell(&f, nil)
		if got := strings.Contains(told.Title, "is slow"); got != (f.Kind == kind.SlowPod && f.Proof == correlate.ProofBoth) {
			t.Errorf("%s: title %q", name, told.Title)
		}
		if want := f.Kind.Severity(); told.Severity != want {
			t.Errorf("%s: severity %s, want %s", name, told.Severity, want)
		}
		if told.Kind != f.Kind.String() || told.Proof != string(f.Proof) {
			t.Errorf("%s: kind %s, proof %s", name, told.Kind, told.Proof)
		}
		if (told.End != nil) != f.Ended {
			t.Errorf("%s: end %v", name, told.End)
		}
	}
}

// What is told reads as a sentence, for every share that both sides agree on.
func TestWording(t *testing.T) {
	for name, f := range all() {
		for _, n := range []uint64{0, 1, f.Evidence.Timeouts} {
			f.Evidence.Confirmed, f.Evidence.Held = n, 0
			told := tell(&f, nil)
			words := strings.Fields(told.Summary)
			for i := 1; i < len(words); i++ {
				if words[i] == words[i-1] || i > 2 && words[i-3] == words[i-1] && words[i-2] == words[i] {
					t.Errorf("%s: %q stutters", name, told.Summary)
					break
				}
			}
			if !strings.HasSuffix(told.Summary, ".") || strings.Contains(told.Summary, "%!") || strings.Contains(told.Summary, "  ") {
				t.Errorf("%s: %q", name, told.Summary)
			}
		}
	}
}

// The only pod of a service is compared with what it did before.
func TestPodWithoutSiblings(t *testing.T) {
	f := quiet()
	f.Evidence.Siblings, f.Evidence.SiblingRequests = 0, 0
	got, _, _ := strings.Cut(asText(t, with(f), TextOptions{}), "Run next")
	if !strings.Contains(got, "\n  before ") || strings.Contains(got, "sibling") {
		t.Error(got)
	}
}

// Where many services move at once even one with a single pod is told as such.
func TestServiceOfOnePod(t *testing.T) {
	f := slowService()
	f.Evidence.Siblings = 1
	if got := asText(t, with(f), TextOptions{}); !strings.Contains(got, "at its only pod.") {
		t.Error(got)
	}
}

// A stretch of text as it may come from a log.
const hostile = "x\x00\x07\x1b[31m\n\r\t\x7f\u0080\u009b31m\u202e\u2066evil\u2069\xff\xc3; rm -rf / && $(reboot) `id` | sh > /etc/passwd #"

func TestSafe(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Safe(in); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("/api/orders/42?a=b", "/api/orders/42?a=b")
	f("schön 日本 🙂", "schön 日本 🙂")
	f("a\x00b\x1f", `a\u0000b\u001f`)
	f("\x1b[31mred\x1b[0m", `\u001b[31mred\u001b[0m`)
	f("two\nlines\r\t", `two\u000alines\u000d\u0009`)
	f("\x7f", `\u007f`)
	f("\u0080\u0085\u009b\u009f", `\u0080\u0085\u009b\u009f`)
	f("\u00a0", "\u00a0")
	f("\u202a\u202b\u202c\u202d\u202e", `\u202a\u202b\u202c\u202d\u202e`)
	f("\u2066\u2067\u2068\u2069", `\u2066\u2067\u2068\u2069`)
	f("\u2029\u2065\u206a", "\u2029\u2065\u206a")
	f("\xff", `\xff`)
	f("a\xc3", `a\xc3`)
	f("\xe2\x80x", `\xe2\x80x`)
	f("\xed\xa0\x80", `\xed\xa0\x80`) // half of a surrogate pair
	for r := range rune(0x3000) {
		if got := Safe(string(r)); bad(got) {
			t.Errorf("Safe(%U) = %q", r, got)
		}
	}
}

// bad says whether text could do more than be read.
func bad(s string) bool {
	return !utf8.ValidString(s) || strings.IndexFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\n' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}) >= 0
}

// hostileReport has hostile text wherever a log can put it.
func hostileReport() *Report {
	s := seen()
	for i := range s.Services {
		s.Services[i].Name += hostile
	}
	for i := range s.Pods {
		p := &s.Pods[i]
		p.UpstreamHost, p.Service, p.Subset, p.Namespace, p.Pod, p.PodID, p.Node = hostile, hostile, hostile, hostile, hostile, hostile, hostile
	}
	for _, f := range all() {
		f.Service, f.Subset, f.Namespace, f.Pod, f.Node, f.UpstreamHost = hostile, hostile, hostile, hostile, hostile, hostile
		f.Evidence.Callers = []string{hostile}
		for i := range f.Evidence.Samples {
			sample := &f.Evidence.Samples[i]
			sample.RequestID = hostile
			for _, side := range []**correlate.SampleSide{&sample.Client, &sample.Server} {
				if *side != nil {
					copied := **side
					copied.Flags, copied.Details = hostile, hostile
					*side = &copied
				}
			}
		}
		s.Findings = append(s.Findings, f)
	}
	return New(read(), s)
}

func TestHostileText(t *testing.T) {
	r := hostileReport()
	if out := asText(t, r, TextOptions{}); bad(out) {
		t.Errorf("text:\n%q", out)
	}
	out := string(asJSON(t, r))
	if bad(out) {
		t.Errorf("JSON:\n%q", out)
	}
	if strings.Contains(out, "\t") || strings.Contains(out, "\r") {
		t.Error("JSON holds control characters")
	}
}

// SafeJSON changes how strings are written, not what they say.
func TestSafeJSON(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(SafeJSON([]byte(in))); got != want {
			t.Errorf("SafeJSON(%q) = %q, want %q", in, got, want)
		}
	}
	f(`{"a":"b"}`, `{"a":"b"}`)
	f("{\n  \"a\": \"ä日\"\n}\n", "{\n  \"a\": \"ä日\"\n}\n")
	f("{\"a\":\"\x7f\u009b\u202e\u2066\"}", `{"a":"\u007f\u009b\u202e\u2066"}`)
	f(`{"a":"\u0000 \ufffd"}`, `{"a":"\u0000 \ufffd"}`)
	f("{\"a\":\"\uFFFD\"}", "{\"a\":\"\uFFFD\"}")
}

// commandForm is one program, piped to grep or jq at most, of words that no
// shell takes for anything else. A <placeholder> is to be filled in.
var commandForm = regexp.MustCompile(`^(kubectl|istioctl|slowpod)( [-A-Za-z0-9._:=/,\[\]]+(=<[a-z]+>)?| <[a-z]+>)*( \| (grep|jq)( [-A-Za-z0-9._]+| "[-A-Za-z0-9._: ]+")*)?$`)

func checkNext(t *testing.T, name string, f *Finding) {
	t.Helper()
	if len(f.Next) == 0 {
		t.Errorf("%s: nothing to do next", name)
	}
	for i, s := range f.Next {
		if !commandForm.MatchString(s.Command) {
			t.Errorf("%s: command %q", name, s.Command)
		}
		if s.Why == "" {
			t.Errorf("%s: no reason for %q", name, s.Command)
		}
		if i == 0 && s.Changes {
			t.Errorf("%s: the first step changes the cluster: %q", name, s.Command)
		}
		if changes := regexp.MustCompile(` (delete|label|scale|patch|apply|rollout|cordon|drain|edit|set|replace|annotate) `).MatchString(s.Command); changes != s.Changes {
			t.Errorf("%s: %q is marked changes %v", name, s.Command, s.Changes)
		}
	}
}

func TestCommands(t *testing.T) {
	for name, f := range all() {
		told := tell(&f, nil)
		checkNext(t, name, &told)
		for _, s := range told.Next {
			// Which pods the callers are, records of the other side cannot say.
			s.Command = strings.Replace(s.Command, "-n <namespace> logs <caller>", "-n istioinaction "+f.Pod, 1)
			if f.Pod != "" && (strings.Contains(s.Command, "<") || !strings.Contains(s.Command, f.Pod) || !strings.Contains(s.Command, "-n istioinaction ")) {
				t.Errorf("%s: %q is not filled in", name, s.Command)
			}
		}
		f.Pod, f.Namespace, f.Service = "", "", "unknown"
		told = tell(&f, nil)
		checkNext(t, name+" unknown", &told)
		if f.UpstreamHost == "" {
			continue // of no pod
		}
		if first := told.Next[0].Command; first != "kubectl -n <namespace> get pod -o wide --field-selector status.podIP=172.17.0.17" {
			t.Errorf("%s: without a name the first step is %q", name, first)
		}
	}
}

// Only DNS names and addresses enter a command; all else becomes a placeholder.
func TestHostileNamesInCommands(t *testing.T) {
	for _, text := range []string{
		hostile, "a b", "a;b", "a&&b", "$(id)", "`id`", "a|sh", "a>b", "a<b", "a\nb", "a'b", `a"b`, `a\b`, "a*", "a?", "~", "#a", "!a", "a=b",
		"-a", "--all", "a-", ".", "..", "a..b", ".a", "a.", "/etc", "A", "ä", "a\u202e", "a\x00", "\xff", strings.Repeat("a", 254), "{a,b}", "%s", "a_b", "[::1]",
	} {
		for name, f := range all() {
			for _, host := range []string{text, "10.0.0.1:" + text, text + ":80", "[fe80::1%" + text + "]:80"} {
				f.Pod, f.Namespace, f.UpstreamHost, f.Service = text, text, host, "a."+text+".svc.x"
				told := tell(&f, nil)
				checkNext(t, name, &told)
				f.Pod = ""
				told = tell(&f, nil)
				checkNext(t, name, &told)
				f.Namespace = ""
				told = tell(&f, nil)
				checkNext(t, name, &told)
			}
		}
	}
}

// sentence finds the ratios of a service in a report whose server side logged
// so many cut requests, code 0.
func sentence(requests, clientFailures, cut uint64) string {
	s := seen()
	s.Services = s.Services[:1]
	s.Services[0].Total = correlate.GroupStats{
		ClientRequests: requests, ClientFailures: clientFailures, ServerRequests: requests, ServerFailures: cut, IstioOK: requests,
	}
	r := New(read(), s)
	return ratios(r, &r.Services[0])
}

// Callers' success and Istio's count side by side, and why they differ where
// they differ by a point or more.
func TestSuccessOfService(t *testing.T) {
	const want = "callers 77.1 %, Istio's count 100.0 %: 231 requests were cut by the caller (DC, code 0), which Istio counts as success"
	if got := sentence(1009, 231, 231); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, name := range []string{"slow_pod", "network", "ended", "nothing_found"} {
		if out := strings.Join(strings.Fields(asText(t, reports()[name], TextOptions{})), " "); !strings.Contains(out, want) {
			t.Errorf("%s does not say it:\n%s", name, out)
		}
	}
	for _, cut := range []uint64{0, 1, 5, 9} { // below a point of 1,000
		if got := sentence(1000, cut, cut); strings.Contains(got, "counts as success") || !strings.HasPrefix(got, "callers ") {
			t.Errorf("%d of 1,000: %s", cut, got)
		}
	}
	if got := sentence(1000, 11, 11); !strings.Contains(got, "11 requests were cut by the caller (DC, code 0)") {
		t.Errorf("11 of 1,000: %s", got)
	}
	if got := sentence(1000, 300, 0); strings.Contains(got, "cut by the caller") {
		t.Errorf("nothing was cut: %s", got)
	}
}

// What failed at the pods without being cut (a gRPC failure has code 200) was
// not cut by the caller, and is not said to be.
func TestFailuresThatNobodyCut(t *testing.T) {
	s := seen()
	s.Services = s.Services[:1]
	s.Services[0].Total = correlate.GroupStats{
		ClientRequests: 1000, ClientFailures: 300, ServerRequests: 1000, ServerFailures: 300, IstioOK: 1000,
	}
	for i := range s.Pods {
		s.Pods[i].Disconnects = 0
	}
	totals := read()
	clear(totals.Flags[2][:])
	clear(totals.Outcomes[2][:])
	r := New(totals, s)
	if got := ratios(r, &r.Services[0]); strings.Contains(got, "cut by the caller") {
		t.Errorf("no server logged a cut request: %s", got)
	}
}

func TestNumbers(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check(count(0), "0")
	check(count(999), "999")
	check(count(1000), "1,000")
	check(count(1234567), "1,234,567")
	check(small(0), "no")
	check(small(2), "two")
	check(small(11), "11")
	check(percent(0.769), "76.9 %")
	check(percent(1), "100.0 %")
	check(percent(0), "0.0 %")
	check(duration(99), "99 ms")
	check(duration(500), "0.5 s")
	check(duration(1500), "1.5 s")
	check(duration(60_000), "60 s")
	check(plural(1, "call"), "1 call")
	check(plural(0, "call"), "0 calls")
	check(plural(2000, "call"), "2,000 calls")
}

// Lines of text keep within the width where words allow it.
func TestWidth(t *testing.T) {
	for _, width := range []int{60, 80, 100} {
		for name, r := range reports() {
			for line := range strings.Lines(asText(t, r, TextOptions{Width: width})) {
				line = strings.TrimRight(line, "\n")
				if utf8.RuneCountInString(line) > width && !strings.HasPrefix(line, "    kubectl") && !strings.HasPrefix(line, "    istioctl") && !strings.HasPrefix(line, "  - ") &&
					!strings.Contains(line, "seen ") && !strings.HasPrefix(line, "  172.") {
					t.Errorf("%s, width %d: %q", name, width, line)
				}
			}
		}
	}
}

// Where no service has two addresses, nothing is said of siblings.
func TestHeadlineWithoutSiblings(t *testing.T) {
	const alone = "none has siblings in these records"
	if r := with(); strings.Contains(asText(t, r, TextOptions{}), alone) {
		t.Error("said though there are some")
	}
	r := with()
	r.Pods = r.Pods[:1]
	if !strings.Contains(asText(t, r, TextOptions{}), alone) {
		t.Errorf("not said of one pod:\n%s", asText(t, r, TextOptions{}))
	}
}

// What is said of the log itself has a title that fits, a cause that begins with
// its reason, and steps that can be taken, whatever names a log brings.
func TestTellLog(t *testing.T) {
	for name, f := range logFaults() {
		for _, hostile := range []string{"", "node;rm -rf $(HOME)\x1b[31m", strings.Repeat("x", 300)} {
			if hostile != "" {
				f.Clocks = []logstream.Clock{{Name: hostile, Ahead: -1500}}
				f.Missing[correlate.SideServer] = []string{hostile}
			}
			told := tellLog(&f)
			if n := utf8.RuneCountInString(told.Title); n > maxTitle || strings.Contains(told.Title, "{") {
				t.Errorf("%s: the title %q has %d characters", name, told.Title, n)
			}
			if told.Kind != "log_stream" || told.Severity != "info" || !strings.HasPrefix(told.Cause, f.Reason.String()+": ") || len(told.Next) == 0 {
				t.Errorf("%s: %+v", name, told)
			}
			checkNext(t, name, &told)
		}
	}
}

// The ratios of a side whose log lacks requests are withheld, those of the other
// are not.
func TestWithheld(t *testing.T) {
	f := func(name, client, server string) {
		t.Helper()
		fault := logFaults()[name]
		s := withLog([]correlate.LogFault{fault}).Services[0] // both sides have requests
		if (s.Client.SuccessRatio == nil) != (client != "") || text0(s.Client.Withheld) != client {
			t.Errorf("%s: callers %v, %q", name, s.Client.SuccessRatio, text0(s.Client.Withheld))
		}
		if (s.Server.SuccessRatio == nil) != (server != "") || (s.Server.IstioSuccessRatio == nil) != (server != "") || text0(s.Server.Withheld) != server {
			t.Errorf("%s: pods %v, %q", name, s.Server.SuccessRatio, text0(s.Server.Withheld))
		}
	}
	f("errors_only", "errors_only", "errors_only")
	f("sampled", "", "sampled")
	f("one_sided", "", "")
	f("code_0_filtered", "", "")
	f("duplicates", "", "")
}
