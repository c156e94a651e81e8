package app_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/configs"
)

// Each mistake that can be made in a configuration file has a file of its own
// in testdata, and this is what is said of it.
var mistakes = map[string][]string{
	"unknown_option.yml":  {`:2: unknown option listen_adress`},
	"unknown_section.yml": {`:3: unknown option storage`},

	"wrong_type_number.yml":   {`:2: "many" is no whole number`},
	"wrong_type_fraction.yml": {`:2: "1.5" is no whole number`},
	"wrong_type_list.yml":     {`:2: "/var/lo..." is no list`},
	"wrong_type_text.yml":     {`:2: a list is no text`},
	"wrong_type_section.yml":  {`:1: ":9504" is no section`},
	"wrong_type_document.yml": {`:1: a list is no section`},

	"bad_address.yml": {`:2: web.listen_address: "9504" is no address to listen on; write host:port or :port`},
	"bad_port.yml":    {`:2: web.listen_address: ":99504" is no address to listen on; write host:port or :port`},
	"bad_level.yml":   {`:2: log.level: "loud" is none of debug, info, warn, error`},
	"bad_format.yml":  {`:2: log.format: "xml" is none of logfmt, json`},
	"stdin_twice.yml": {`:2: input.files: "-" is given more than once: there is one stdin`},

	"bad_size.yml":             {`:2: "64 elephants" is no size, such as 64MiB`},
	"size_without_unit.yml":    {`:2: "67108864" is no size, such as 64MiB`},
	"join_bytes_too_small.yml": {`:2: bounds.join_bytes: must be at least 33554432, not 16777216`},
	"join_bytes_too_large.yml": {`:2: bounds.join_bytes: must be from 32MiB to 1TiB`},
	"join_bytes_negative.yml":  {`:2: bounds.join_bytes: must be from 32MiB to 1TiB`},
	"bounds_too_small.yml": {
		`:2: bounds.halves: must be at least 1, not 0`,
		`:3: bounds.traces: must be at least 1, not -1`,
		`:4: bounds.pods: must be at least 1, not 0`,
		`:5: bounds.services: must be at least 1, not 0`,
	},

	"twice.yml":         {`:3: mapping key "log" already defined at line 1`},
	"two_documents.yml": {`:4: a second document: a file is one configuration`},
	"syntax.yml":        {`:2: found unexpected end of stream`},

	"dead_letters_nowhere.yml": {`:2: dead_letters.topic: is a topic of the cluster that is read, and none is; dead letters of files go to a file`},
	"dead_letters_mistakes.yml": {
		`:2: dead_letters.topic: "a topic" is no name of a topic: letters, digits, '.', '_' and '-', at most 249`,
		`:2: dead_letters.topic: and file exclude one another`,
		`:2: dead_letters.topic: is a topic of the cluster that is read, and none is; dead letters of files go to a file`,
	},
	"dead_letters_read_again.yml": {`:6: dead_letters.topic: is one of kafka.topics: dead letters would be read as lines, and be dead letters again`},

	// All at once.
	"three_mistakes.yml": {
		`:2: unknown option listen_adress`,
		`:4: log.level: "loud" is none of debug, info, warn, error`,
		`:6: "many" is no whole number`,
	},
	"size_among_others.yml": {
		`:2: unknown option listen_adress`,
		`:4: "64 elephants" is no size, such as 64MiB`,
		`:6: log.level: "loud" is none of debug, info, warn, error`,
	},
}

func TestLoadConfigTellsEveryMistake(t *testing.T) {
	t.Parallel()
	const dir = "testdata/config"
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(mistakes) {
		t.Errorf("%d files in %s, and mistakes of %d", len(files), dir, len(mistakes))
	}
	for name, want := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, name)
			_, err := app.LoadConfig(file)
			if err == nil {
				t.Fatalf("no mistake is found, want %q", want)
			}
			var got []string
			for _, line := range strings.Split(err.Error(), "\n") {
				rest, named := strings.CutPrefix(line, file)
				if !named {
					t.Errorf("does not name the file: %s", line)
				}
				got = append(got, rest)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseConfigTakesDefaultsForWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n# nothing\n", "web:\n", "bounds: {}\n", "log: {level: info}\n"} {
		got, err := app.ParseConfig("slowpod.yml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(app.DefaultConfig(), got, unexported); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestParseConfigTakesEveryOption(t *testing.T) {
	t.Parallel()
	got, err := app.ParseConfig("slowpod.yml", []byte(`
web: {listen_address: "127.0.0.1:1234"}
log: {level: debug, format: json}
input: {files: [a.log, "-"]}
kafka: {brokers: ["kafka:9092"], topics: [logs]}
alertmanager: {urls: ["http://alertmanager:9093"]}
dead_letters: {file: dead.jsonl}
bounds: {join_bytes: 1GiB, halves: 1, traces: 2, pods: 3, services: 4, faults: 5, forget_after: 20m}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := app.DefaultConfig()
	want.Web = app.WebConfig{ListenAddress: "127.0.0.1:1234"}
	want.Log = app.LogConfig{Level: "debug", Format: "json"}
	want.Input = app.InputConfig{Files: []string{"a.log", "-"}}
	want.Kafka.Brokers, want.Kafka.Topics = []string{"kafka:9092"}, []string{"logs"}
	want.Alertmanager.URLs = []string{"http://alertmanager:9093"}
	want.DeadLetters.File = "dead.jsonl"
	want.Bounds = app.BoundsConfig{JoinBytes: 1 << 30, Halves: 1, Traces: 2, Pods: 3, Services: 4, Faults: 5, ForgetAfter: 20 * time.Minute}
	if diff := cmp.Diff(want, got, unexported); diff != "" {
		t.Error(diff)
	}
}

// The shipped file is the reference: every option, with its default.
func TestShippedConfigShowsEveryOptionWithItsDefault(t *testing.T) {
	t.Parallel()
	got, err := app.ParseConfig("slowpod.yml", configs.Slowpod)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(app.DefaultConfig(), got, unexported); diff != "" {
		t.Error(diff)
	}
	var shown map[string]any
	if err := yaml.Unmarshal(configs.Slowpod, &shown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(optionsOf(reflect.TypeFor[app.Config](), ""), namesOf(shown, "")); diff != "" {
		t.Errorf("options that there are, options that are shown:\n%s", diff)
	}
}

// unexported lets cmp look into the configuration of Prometheus' HTTP client.
var unexported = cmp.Exporter(func(reflect.Type) bool { return true })

// optionsOf lists the options of a struct by their way in the file.
func optionsOf(t reflect.Type, at string) []string {
	var all []string
	for f := range t.Fields() {
		way := at + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct && way != "alertmanager.http_config" { // Prometheus' own
			all = append(all, optionsOf(f.Type, way+".")...)
		} else {
			all = append(all, way)
		}
	}
	slices.Sort(all)
	return all
}

// namesOf lists what a file sets.
func namesOf(m map[string]any, at string) []string {
	var all []string
	for name, v := range m {
		if sub, ok := v.(map[string]any); ok && len(sub) > 0 {
			all = append(all, namesOf(sub, at+name+".")...)
		} else {
			all = append(all, at+name)
		}
	}
	slices.Sort(all)
	return all
}
