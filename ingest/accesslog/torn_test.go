package accesslog

import (
	"encoding/json"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// A line that is cut off claims to be an entry wherever it is cut.
func TestTornJSON(t *testing.T) {
	for cut := 2; cut < len(istioJSON); cut++ {
		malformed(t, istioJSON[:cut], InvalidJSON)
	}
	foreign(t, `{`)

	// whatever the order of the keys, which was a hash's before Envoy 1.32
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(istioJSON), &values); err != nil {
		t.Fatal(err)
	}
	keys := slices.Sorted(maps.Keys(values))
	for first := range keys {
		order := slices.Clone(keys)
		order[0], order[first] = order[first], order[0]
		rand.New(rand.NewSource(1)).Shuffle(len(order)-1, func(i, j int) { order[i+1], order[j+1] = order[j+1], order[i+1] })
		var line strings.Builder
		for i, k := range order {
			line.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
			line.WriteString(quote(k) + ":" + string(values[k]))
		}
		line.WriteString("}")
		parsed(t, line.String(), call())
		for cut := 2; cut < line.Len(); cut++ {
			malformed(t, line.String()[:cut], InvalidJSON)
		}
	}
}

// Of a text line the last field may be cut without a trace.
func TestTornText(t *testing.T) {
	for _, line := range []string{
		istioText,
		envoyText + ` outbound|80||a - 10.96.7.7:80 10.0.0.8:1 -`,
	} {
		for cut := len("[2026-03-02T10:"); cut < strings.LastIndexByte(line, ' ')+2; cut++ {
			if line[:cut] != envoyText {
				malformed(t, line[:cut], InvalidText)
			}
		}
	}
	for cut := len("[2026-03-02T10:"); cut < len(envoyText); cut++ {
		malformed(t, envoyText[:cut], InvalidText)
	}
}

// In a wrapper the entry begins somewhere within.
func TestTornWrapper(t *testing.T) {
	const fluentBit = `{"@timestamp":1772446505.123,"time":"2026-03-02T10:15:05.123456789Z","stream":"stdout","_p":"F",`
	for _, line := range []string{
		`{"log":` + quote(istioJSON),
		`{"log":` + quote(istioText),
		fluentBit + `"log":` + quote(istioJSON),
		fluentBit + `"log":` + quote(istioText),
	} {
		begin := strings.Index(line, `"log":"`) + len(`"log":"`) + len(`[2026-03-02T10:`)
		for cut := begin; cut < len(line); cut++ {
			malformed(t, line[:cut], InvalidJSON)
		}
	}
	merged := fluentBit + istioJSON[1:]
	for cut := strings.Index(merged, `"authority"`) + len(`"authority"`); cut < len(merged); cut++ {
		malformed(t, merged[:cut], InvalidJSON)
	}

	// A torn line of something else claims nothing.
	foreign(t, `{"level":"info","time":"2026-03-02T10:15:04.558123Z","scope":"xds","msg":"conn`)
	foreign(t, fluentBit+`"log":"2026-03-02T10:15:04.558123Z\tinfo\txds`)
	foreign(t, fluentBit+`"log":"[2026-03-02 10:15:04.558][1][warning]`)
	foreign(t, `{"identifier":{},"httpLogs":{"logEntry":[{"commonProperties":{},"request":{"authority":"a"}}]}}}`)
	foreign(t, `{ {{ .Values.x }} }`)
	foreign(t, `{'path':1}`)
	foreign(t, `{"pathological":1`)
	// … unless its first key is one of an entry
	malformed(t, `{"path":`, InvalidJSON)
	malformed(t, `{"pa`, InvalidJSON)
	malformed(t, `{"x":"downstream_local_address","upstream_host":`, InvalidJSON)
}
