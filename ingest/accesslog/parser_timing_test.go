package accesslog

import (
	"strings"
	"testing"
)

// steady are the lines whose parsing must not allocate.
func steady() map[string]string {
	merged := istioJSON[1 : len(istioJSON)-1]
	return map[string]string{
		"IstioJSON":        istioJSON,
		"IstioText":        istioText,
		"EnvoyText":        envoyText,
		"Docker":           wrappers(istioJSON)["docker"],
		"DockerText":       wrappers(istioText)["docker"],
		"CRI":              wrappers(istioJSON)["cri"],
		"KubectlPrefix":    "[pod/cart-7d9c-abcde/istio-proxy] 2026-03-02T10:15:05.123456789Z " + istioJSON,
		"Compose":          wrappers(envoyText)["compose"],
		"FluentBitMerged":  `{"@timestamp":1772446505.123,"time":"2026-03-02T10:15:05.123456789Z","stream":"stdout","_p":"F","kubernetes":` + kubernetes + `,` + merged + `}`,
		"FluentBitEscaped": `{"@timestamp":1772446505.123,"time":"2026-03-02T10:15:05.123456789Z","stream":"stdout","_p":"F","log":` + quote(istioJSON) + `,"kubernetes":` + kubernetes + `}`,
		"FluentBitText":    `{"@timestamp":1772446505.123,"log":` + quote(istioText) + `,"kubernetes":` + kubernetes + `}`,
		"ThreeDeep":        wrappers(istioJSON)["no parser, docker"],
		"AllStrings":       `{"start_time":"2026-03-02T10:15:04.558Z","response_code":"200","duration":"21","bytes_sent":"3","upstream_service_time":"-"}`,
		"NoStart":          `{"time":"2026-03-02T10:15:04.558Z","response_code":200,"duration":21}`,
		"ForeignText":      "2026-03-02T10:15:04.558123Z\tinfo\tsds\tpush",
		"ForeignJSON":      `{"level":"info","time":"2026-03-02T10:15:04.558123Z","scope":"xds","msg":"connected"}`,
		"TornText":         istioText[:200],
		"TornJSON":         istioJSON[:200],
		"TornInDocker":     wrappers(istioJSON)["docker"][:200],
		"BadNumber":        wrappers(strings.Replace(istioJSON, ":200,", `:"x",`, 1))["docker"],
	}
}

func TestNoAllocation(t *testing.T) {
	for name, line := range steady() {
		t.Run(name, func(t *testing.T) {
			p, line := NewParser(), []byte(line)
			var r Record
			p.Parse(line, &r)
			if n := testing.AllocsPerRun(100, func() { p.Parse(line, &r) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// All lines in turn through one parser: what one leaves must suit the next.
func TestNoAllocationInTurn(t *testing.T) {
	p := NewParser()
	var lines [][]byte
	for _, line := range steady() {
		lines = append(lines, []byte(line))
	}
	var r Record
	if n := testing.AllocsPerRun(100, func() {
		for _, line := range lines {
			p.Parse(line, &r)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"IstioJSON", "IstioText", "EnvoyText", "Docker", "CRI", "FluentBitMerged", "FluentBitEscaped", "FluentBitText", "ForeignText"} {
		line := []byte(steady()[name])
		b.Run(name, func(b *testing.B) {
			p := NewParser()
			var r Record
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				p.Parse(line, &r)
			}
		})
	}
}
