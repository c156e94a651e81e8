package workload_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
)

// twisted gives the lines of a corpus, and what a twist made of it, to check.
func twisted(t *testing.T, lines int, twist workload.Twist, check func(was, is map[string]any, line []byte)) {
	t.Helper()
	g := workload.Corpus(workload.CorpusOptions{Options: workload.Options{Lines: lines}})
	for l := (workload.Line{}); g.Next(&l); {
		const before = "kept"
		line := twist([]byte(before), l.Bytes)[len(before):]
		var was, is map[string]any
		if err := json.Unmarshal(l.Bytes, &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &is); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		check(was, is, line)
	}
}

func same(t *testing.T, was, is map[string]any) {
	t.Helper()
	if d := cmp.Diff(was, is); d != "" {
		t.Fatalf("another record (-was +is):\n%s", d)
	}
}

func TestShuffledKeysHaveAnOrderOfTheirOwnOnEachLine(t *testing.T) {
	orders := map[string]bool{}
	twisted(t, 1000, workload.ShuffledKeys(1), func(was, is map[string]any, line []byte) {
		same(t, was, is)
		var order []string
		d := json.NewDecoder(bytes.NewReader(line))
		for depth := 0; ; {
			token, err := d.Token()
			if err != nil {
				break
			}
			if _, ok := token.(json.Delim); ok {
				continue
			}
			if depth++; depth%2 == 1 {
				order = append(order, token.(string))
			}
		}
		if len(order) != 24 {
			t.Fatalf("%d keys in %s", len(order), line)
		}
		orders[strings.Join(order, " ")] = true
	})
	if len(orders) != 1000 {
		t.Errorf("%d orders on 1000 lines", len(orders))
	}
}

func TestEscapedValuesAreTheSameTexts(t *testing.T) {
	twisted(t, 1000, workload.EscapedValues(), func(was, is map[string]any, line []byte) {
		same(t, was, is)
		texts := 0
		for _, v := range is {
			if s, ok := v.(string); ok && s != "" {
				texts++
			}
		}
		if n := bytes.Count(line, []byte(`:"\`)); n != texts {
			t.Fatalf("%d of %d texts begin with an escape in %s", n, texts, line)
		}
		if bytes.Contains(line, []byte(`\":`)) || !bytes.Contains(line, []byte(`"response_flags":`)) {
			t.Fatalf("a key is escaped in %s", line)
		}
	})
}

func TestLongPathsAreAllThatChanges(t *testing.T) {
	twisted(t, 200, workload.LongPaths(), func(was, is map[string]any, _ []byte) {
		if path := is["path"].(string); len(path) != 64<<10 || !strings.HasSuffix(path, was["path"].(string)) {
			t.Fatalf("a path of %d bytes", len(path))
		}
		is["path"] = was["path"]
		same(t, was, is)
	})
}

func TestNewServicesAreCalledOnceEach(t *testing.T) {
	services := map[string]bool{}
	twisted(t, 1000, workload.NewServices(), func(was, is map[string]any, _ []byte) {
		authority := is["authority"].(string)
		if services[authority] {
			t.Fatalf("%s is called twice", authority)
		}
		services[authority] = true
		name, _, _ := strings.Cut(authority, ":")
		for _, key := range []string{"upstream_cluster", "requested_server_name"} {
			if s, ok := is[key].(string); ok && s != "inbound|8080||" && !strings.Contains(s, name+".") {
				t.Fatalf("%s %s of %s", key, s, authority)
			}
			is[key] = was[key]
		}
		is["authority"] = was["authority"]
		same(t, was, is)
	})
}
