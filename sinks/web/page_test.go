package web

import (
	"encoding/xml"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/golden"

	"github.com/slowpod/slowpod/sinks/report"
)

func handler(t testing.TB, s *State) *Handler {
	t.Helper()
	h, err := New(Options{State: func() (*State, uint64) { return s, 7 }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func page(t testing.TB, s *State, where address) string {
	t.Helper()
	body, err := handler(t, s).page(s, 7, where)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// hashes change with every change of a style or a type, and say nothing here.
var hashes = regexp.MustCompile(`(app\.|data-assets="|data-v=")[0-9a-f]{12}([."])`)

func TestPages(t *testing.T) {
	starting := &State{Report: &report.Report{Lines: report.Lines{Read: 412, Foreign: 412}},
		Sources: []string{"Kafka: group slowpod is joined, 3 partitions, lag 0"}}
	behind := state()
	behind.Behind = 4*time.Minute + 2*time.Second
	oneSided := state()
	for i := range oneSided.Report.Pods {
		oneSided.Report.Pods[i].Server = report.PodServer{}
	}
	young := state()
	young.Report.Span.End = at("14:00:20")
	service := report.Finding{ID: "service-1", Kind: "slow_service", Severity: "critical", Proof: "both",
		Service: ptr(catalog), Namespace: ptr("istioinaction"), Start: at("14:01:00"),
		Title: "catalog is slow, all 3 pods", Evidence: report.Evidence{Requests: 800, Timeouts: 3, Confirmed: 3, P50Ratio: ptr(4.25), Siblings: 3}}
	subset := service
	subset.Title, subset.Evidence.Siblings, subset.Evidence.Beside = "catalog is slow in its subset v2", 0, "subset v1"
	serverOnly := slowPod()
	serverOnly.Proof, serverOnly.Evidence.Requests = "server", 0
	refusing := report.Finding{ID: "refusing-1", Kind: "proxy_refusing", Severity: "warning", Proof: "client",
		Service: ptr(catalog), UpstreamHost: ptr("172.17.0.31:8080"), Start: at("14:04:30"),
		Title:    "Connections to one catalog address are refused",
		Evidence: report.Evidence{Requests: 128, Siblings: 2, SiblingRequests: 240}}
	for _, c := range []struct {
		name  string
		state *State
		at    address
	}{
		{"slow_pod", state(slowPod()), address{}},
		{"slow_pod_part", state(slowPod()), address{part: true}},
		{"slow_pod_unverified", state(unverified()), address{}},
		{"slow_pod_server", state(serverOnly), address{part: true}},
		{"network", state(network()), address{}},
		{"slow_service", state(service), address{part: true}},
		{"slow_subset", state(subset), address{part: true}},
		{"proxy_refusing", state(refusing), address{part: true}},
		{"several", state(slowPod(), network(), unverified(), service, ended()), address{}},
		{"ended", state(slowPod(), ended()), address{finding: "ended-1"}},
		{"nothing_found", state(), address{}},
		{"nothing_now", state(ended()), address{part: true}},
		{"nothing_one_sided", oneSided, address{part: true}},
		{"nothing_behind", behind, address{part: true}},
		{"nothing_yet", starting, address{}},
		{"nothing_yet_young", young, address{part: true}},
		{"nil", nil, address{part: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := page(t, c.state, c.at)
			if again := page(t, c.state, c.at); again != got {
				t.Error("the same state gives another page")
			}
			wellFormed(t, got)
			got = hashes.ReplaceAllString(got, "${1}HASH$2")
			golden.Assert(t, got, c.name+".html")
		})
	}
}

// void matches the elements that HTML leaves open.
var void = regexp.MustCompile(`(<(?:meta|link) [^>]*)>`)

// wellFormed checks that every element is closed, as far as XML can tell.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	page = void.ReplaceAllString(strings.NewReplacer("<!doctype html>", "", " data-list", ` data-list=""`).Replace(page), "$1/>")
	d := xml.NewDecoder(strings.NewReader(page))
	ids := map[string]bool{}
	for {
		tok, err := d.Token()
		if err != nil {
			if err.Error() != "EOF" {
				t.Errorf("not well-formed: %v", err)
			}
			return
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range el.Attr {
			if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("<%s> has the attribute %s", el.Name.Local, a.Name.Local)
			}
			if a.Name.Local == "id" {
				if ids[a.Value] {
					t.Errorf("two elements with the id %q", a.Value)
				}
				ids[a.Value] = true
			}
			if (a.Name.Local == "href" || a.Name.Local == "src") && strings.Contains(a.Value, "://") {
				t.Errorf("a link to elsewhere: %s", a.Value)
			}
		}
	}
}

// TestHostile puts text of an attacker into every string of a state.
func TestHostile(t *testing.T) {
	for _, evil := range []string{
		`</script><script>alert(1)</script>`,
		`"><img src=x onerror=alert(1)>`,
		`' onmouseover='alert(1)' style='x`,
		"a\u202eb\u2066c\x00\x1b[31m\u0085\x7f\xff\r\nd",
		`javascript:alert(1)`,
		`http://evil.example/`,
		`{{.Version}}<!--`,
		strings.Repeat("<", 1<<20),
	} {
		s := state(slowPod(), unverified(), network(), ended())
		poison(reflect.ValueOf(s).Elem(), evil)
		for i := range s.Report.Findings {
			s.Report.Findings[i].ID += string(rune('a' + i))
		}
		empty := &State{Report: &report.Report{}, Sources: []string{evil}, Version: evil}
		for _, got := range []string{
			page(t, s, address{}),
			page(t, s, address{finding: slugOf(s.Report.Findings[3].ID)}),
			page(t, empty, address{}),
		} {
			wellFormed(t, got)
			if strings.Count(got, "<script") != 1 || strings.Contains(got, "<img") {
				t.Errorf("%.40q got through", evil)
			}
			if strings.ContainsAny(got, "\u202e\u2066\x00\x1b\u0085\x7f\r") {
				t.Errorf("%.40q: control characters got through", evil)
			}
			if len(got) > 150_000 {
				t.Errorf("%.40q: the page has %d bytes", evil, len(got))
			}
		}
	}
}

// poison sets every string that can be reached from v.
func poison(v reflect.Value, evil string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), evil)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			poison(v.Field(i), evil)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), evil)
		}
	}
}

func TestCommandNotWhole(t *testing.T) {
	f := slowPod()
	f.Next = []report.Step{{Why: "w", Command: "kubectl get\npod"}, {Why: "w", Command: strings.Repeat("k", maxCommand+1)}}
	if got := page(t, state(f), address{}); strings.Contains(got, "<button") {
		t.Error("a command that is not shown as it is can be copied")
	}
}

func TestSize(t *testing.T) {
	for _, where := range []address{{}, {finding: slugOf(fleet(1).Report.Findings[0].ID)}} {
		if got := page(t, fleet(267), where); len(got) > 150_000 {
			t.Errorf("%v: the page has %d bytes", where, len(got))
		} else {
			t.Logf("%v: %d bytes", where, len(got))
		}
	}
	got := page(t, fleet(300), address{})
	for _, want := range []string{"225 open findings", "25 more are not listed", "222 more open findings"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if n := strings.Count(got, `class="past"`); n != 1 {
		t.Errorf("%d lists of ended findings", n)
	}
}

// TestSections changes the state and sees which sections a browser would
// replace.
func TestSections(t *testing.T) {
	later := func(s *State, seconds int) *State { s.Now += report.Time(1000 * seconds); return s }
	worse := slowPod()
	worse.Evidence.Timeouts++
	id := slowPod().ID
	for _, c := range []struct {
		name string
		to   *State
		want []string
	}{
		{"nothing", state(slowPod()), nil},
		{"a slice later", later(state(slowPod()), 10), []string{"live"}},
		{"a minute later", later(state(slowPod()), 60), []string{"live", "r-" + id, "h-" + id}},
		{"one more timeout", state(worse), []string{"n-" + id}},
	} {
		was, is := sections(page(t, state(slowPod()), address{})), sections(page(t, c.to, address{}))
		var got []string
		for _, s := range is {
			if !slices.Contains(was, s) {
				got = append(got, s[0])
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func sections(page string) (all [][2]string) {
	for _, m := range regexp.MustCompile(`id="([^"]*)" data-v="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		all = append(all, [2]string{m[1], m[2]})
	}
	return all
}

func BenchmarkPage(b *testing.B) {
	s := fleet(267)
	h := handler(b, s)
	version := uint64(0)
	for b.Loop() {
		version++
		if _, err := h.page(s, version, address{}); err != nil {
			b.Fatal(err)
		}
	}
}
