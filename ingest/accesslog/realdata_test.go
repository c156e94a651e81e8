package accesslog

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// realDir is a directory of logs from public repositories. They are not part of
// this one: their licences are mixed.
func realDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SLOWPOD_REALDATA")
	if dir == "" {
		t.Skip("SLOWPOD_REALDATA names no directory of real logs")
	}
	return filepath.Join(dir, "dev")
}

func realLines(t *testing.T, name string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(realDir(t), name))
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, 1<<22)
	for s.Scan() {
		lines = append(lines, bytes.Clone(s.Bytes()))
	}
	return lines
}

// counts is what becomes of the lines of a file.
type counts struct {
	records, foreign int
	malformed        []badLine
}

// badLine is a malformed line of a file, from 1.
type badLine struct {
	line   int
	reason Reason
	offset int
}

var realFiles = map[string]counts{
	// Line 3 ends behind the transport failure reason, the source cut it: of who
	// was called, when it ended and how long it took nothing is there.
	"Cray-HPE-docs-csm.log": {records: 3, malformed: []badLine{{3, InvalidText, 126}}},
	// The fifth line is Envoy's own: [2021-03-12 15:31:30.492][1][warning].
	"DataDog-integrations-core-envoy.log": {records: 4, foreign: 1},
	// A table: the entries stand in quoted cells. See TestRealCSV.
	"aiops2022-envoy.csv": {foreign: 210},
	// The gRPC access log's proto JSON; line 3 has a brace too many.
	"apache-skywalking-als.jsonl": {foreign: 4},
	// CRI around Envoy Gateway's JSON, some of it seven keys only, and text.
	"crowdsecurity-hub.log": {records: 53},
	// Bare, with ACCESS in front, and the same in Fluentd's message.
	"elastic-beats-envoyproxy.log": {records: 10},
	// The second has no response_flags and no path, but a code and a start.
	"envoyproxy-ai-gateway-docs.jsonl": {records: 2},
	// Lines 3 and 4 are a custom format of the test: a route name behind the
	// flags, byte counts of the wire, two spaces, no upstream host. Which number
	// is the duration cannot be told.
	"envoyproxy-envoy-access_log_impl_test.log": {records: 6, malformed: []badLine{{3, InvalidText, 108}, {4, InvalidText, 109}}},
	"envoyproxy-examples-grpc-bridge.log":       {records: 4}, // docker compose
	"envoyproxy-gateway-docs.jsonl":             {records: 1},
	"fluent-bit-docs.jsonl":                     {records: 1}, // log is an object
	"grafana-loki-pattern_test.log":             {records: 1},
	"isaac88-ica-exam.log":                      {records: 24},
	"katanemo-archgw.log":                       {records: 7},
	// In line 17 another writer's time stands in the middle of the upstream host,
	// which is what a record is judged by.
	"kiali-waypoint.log":                          {records: 16, malformed: []badLine{{17, InvalidText, 251}}},
	"nitishm-engarde.log":                         {records: 2}, // Envoy; Istio 1.2
	"openservicemesh-osm-docs.jsonl":              {records: 1},
	"projectcontour-contour.log":                  {records: 2},
	"salrashid123-fluent-plugin-envoy-parser.log": {records: 2},
	"samer-niy-istio-log-parser.log":              {records: 1},
	"solo-io-gloo.log":                            {records: 8},
	"tacigar-envoy-access-log-parser-ts.log":      {records: 1},
	"the-redback-docker-json-file.jsonl":          {records: 139},
	"the-redback-istio-log-parsing.jsonl":         {records: 1921},
	// Whole streams of kubectl logs: the agent's and Envoy's own lines, YAML and
	// blank lines around the entries, which are the lines with start_time.
	"the-redback-rawstream-food-map-mongo.log": {records: 4, foreign: 97},
	"the-redback-rawstream-tms-keycloak.log":   {records: 248, foreign: 76},
	"the-redback-rawstream-tms-ums.log":        {records: 9, foreign: 75},
	"the-redback-rawstream-tms2-cms.log":       {records: 18, foreign: 74},
	// Lines 1 and 2 came without their times and have no envelope: a record
	// without a time belongs to no slice.
	"zhaohuabing-istio-guide.log": {records: 2, malformed: []badLine{{1, NoTime, 0}, {2, NoTime, 0}}},
}

func TestRealFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(realDir(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasSuffix(name, ".src.tsv") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, ok := realFiles[name]
			if !ok {
				t.Skip("a file that the table does not know")
			}
			p := NewParser()
			var got counts
			for i, line := range realLines(t, name) {
				var r Record
				result, reason := p.Parse(line, &r)
				invariants(t, p, line, r, result, reason)
				switch result {
				case Parsed:
					got.records++
				case Foreign:
					got.foreign++
				case Malformed:
					got.malformed = append(got.malformed, badLine{i + 1, reason, p.Offset()})
				}
				switch line = bytes.TrimSpace(line); {
				case bytes.HasPrefix(line, []byte("{")):
					compare(t, p, line)
				case bytes.HasPrefix(line, []byte("[")):
					compareText(t, p, line)
				}
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(counts{}, badLine{})); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestRealFlags(t *testing.T) {
	got := map[string]int{}
	p := NewParser()
	for _, line := range realLines(t, "the-redback-istio-log-parsing.jsonl") {
		var r Record
		p.Parse(line, &r)
		for flag := range strings.SplitSeq(string(r.Flags), ",") {
			got[flag]++
		}
	}
	delete(got, "")
	want := map[string]int{"DC": 310, "UH": 37, "URX": 15, "UT": 10, "UF": 4, "UC": 1}
	if !maps.Equal(want, got) {
		t.Errorf("flags %v, want %v", got, want)
	}
}

// The cells hold Istio's text without its time, which another column has.
func TestRealCSV(t *testing.T) {
	f, err := os.Open(filepath.Join(realDir(t), "aiops2022-envoy.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	p := NewParser()
	var r Record
	timed, foreign := 0, 0
	for _, row := range rows[1:] {
		bare, reason := p.Parse([]byte(row[4]), &r)
		seconds, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ended := time.Unix(seconds, 0).UTC()
		switch result, _ := p.Parse([]byte(ended.Format(time.RFC3339)+" "+row[4]), &r); result {
		case Parsed:
			timed++
			if bare != Malformed || reason != NoTime {
				t.Errorf("%s without its time: %v, %v", row[0], bare, reason)
			}
			if r.Start+r.Duration != ended.UnixMilli() {
				t.Errorf("%s: %d + %d is not %v", row[0], r.Start, r.Duration, ended)
			}
		case Foreign:
			foreign++
			if bare != Foreign {
				t.Errorf("%s without its time: %v, %v", row[0], bare, reason)
			}
		}
	}
	// Eight cells are lines of Envoy and the agent.
	if timed != 201 || foreign != 8 {
		t.Errorf("%d records and %d foreign lines, want 201 and 8", timed, foreign)
	}
}
