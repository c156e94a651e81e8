package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/kafka"
	"github.com/slowpod/slowpod/sinks/alertmanager"
)

// Config is the configuration file. Every default is in DefaultConfig.
type Config struct {
	Web   WebConfig    `yaml:"web"`
	Log   LogConfig    `yaml:"log"`
	Input InputConfig  `yaml:"input"`
	Kafka kafka.Config `yaml:"kafka"`
	// Alertmanager is told of findings; without urls nobody is.
	Alertmanager alertmanager.Config `yaml:"alertmanager"`
	DeadLetters  DeadLettersConfig   `yaml:"dead_letters"`
	Judge        JudgeConfig         `yaml:"judge"`
	Bounds       BoundsConfig        `yaml:"bounds"`
}

// WebConfig is where metrics and page are served.
type WebConfig struct {
	ListenAddress string `yaml:"listen_address"`
}

// LogConfig is slowpod's own log.
type LogConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// InputConfig is what is read.
type InputConfig struct {
	// Files are read from their start and followed; "-" is stdin.
	Files []string `yaml:"files"`
}

// DeadLettersConfig is where malformed lines are kept: in one of the two, or
// nowhere.
type DeadLettersConfig struct {
	// File is appended to.
	File string `yaml:"file"`
	// Topic is one of the cluster that is read from.
	Topic string `yaml:"topic"`
}

// JudgeConfig is what logs do not show of services.
type JudgeConfig struct {
	// UnevenServices are services, by their full names, whose pods get
	// different work by design: see correlate.Config.Uneven.
	UnevenServices []string `yaml:"uneven_services"`
}

// BoundsConfig is correlate.Bounds, in units that people write.
type BoundsConfig struct {
	JoinBytes Size  `yaml:"join_bytes"`
	Halves    Count `yaml:"halves"`
	Traces    Count `yaml:"traces"`
	Pods      Count `yaml:"pods"`
	Services  Count `yaml:"services"`
	Faults    Count `yaml:"faults"`

	ForgetAfter time.Duration `yaml:"forget_after"`
}

// Size is a number of bytes, written with its unit: 64MiB.
type Size = kafka.Size

// Count is a whole number.
type Count int

// UnmarshalYAML reads a whole number, and nothing that would have to be
// rounded.
func (c *Count) UnmarshalYAML(n *yaml.Node) error {
	v, err := strconv.Atoi(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return notA(n, "whole number")
	}
	*c = Count(v)
	return nil
}

// notA is a mistake that does not keep the decoder from finding the others.
func notA(n *yaml.Node, what string) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is no %s", n.Line, n.Value, what)}}
}

// DefaultConfig returns the configuration of an empty file.
func DefaultConfig() Config {
	b := correlate.DefaultBounds()
	return Config{
		Web:   WebConfig{ListenAddress: ":9504"},
		Log:   LogConfig{Level: "info", Format: "logfmt"},
		Input: InputConfig{Files: []string{}},
		Kafka: kafka.DefaultConfig(), Alertmanager: alertmanager.DefaultConfig(),
		Judge: JudgeConfig{UnevenServices: []string{}},
		Bounds: BoundsConfig{
			JoinBytes: Size(b.JoinBytes), Halves: Count(b.Halves), Traces: Count(b.Traces), Pods: Count(b.Pods), Services: Count(b.Services), Faults: Count(b.Faults),
			ForgetAfter: milliseconds(b.ForgetAfter),
		},
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// Core returns what the core is told.
func (c Config) Core() correlate.Config {
	return correlate.Config{Bounds: c.Bounds.Core(), Uneven: c.Judge.UnevenServices}
}

// Core returns the bounds as the core takes them.
func (b BoundsConfig) Core() correlate.Bounds {
	return correlate.Bounds{
		JoinBytes: int(b.JoinBytes), Halves: int(b.Halves), Traces: int(b.Traces), Pods: int(b.Pods), Services: int(b.Services), Faults: int(b.Faults),
		ForgetAfter: b.ForgetAfter.Milliseconds(),
	}
}

// Mistake is one thing that is wrong with a configuration file.
type Mistake struct {
	File string
	Line int // 0 where no line can be named
	Text string
}

func (m *Mistake) Error() string {
	if m.Line == 0 {
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text)
}

// LoadConfig reads a configuration file. The error holds every mistake, one a
// line.
func LoadConfig(name string) (Config, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return Config{}, fmt.Errorf("configuration file: %w", err)
	}
	return ParseConfig(name, b)
}

// ParseConfig reads a configuration; name is what mistakes call it.
func ParseConfig(name string, b []byte) (Config, error) {
	cfg := DefaultConfig()
	var found []*Mistake
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	err := dec.Decode(&cfg)
	var typeErr *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF): // an empty file: all defaults
	case errors.As(err, &typeErr):
		for _, text := range typeErr.Errors {
			found = append(found, decodeMistake(name, text))
		}
	case err != nil:
		return cfg, decodeMistake(name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		found = append(found, &Mistake{File: name, Line: firstLine(&second), Text: "a second document: a file is one configuration"})
	}
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return cfg, decodeMistake(name, err.Error())
	}
	for _, w := range cfg.validate() {
		found = append(found, &Mistake{File: name, Line: lineOf(&root, w.path...), Text: strings.Join(w.path, ".") + ": " + w.text})
	}
	slices.SortStableFunc(found, func(a, b *Mistake) int { return a.Line - b.Line })
	var errs []error
	for _, m := range found {
		errs = append(errs, m)
	}
	return cfg, errors.Join(errs...)
}

var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType    = regexp.MustCompile("cannot unmarshal !!(\\S+) (?:`(.*)` )?into (\\S+)")
	lineNumber   = regexp.MustCompile(`^line (\d+): `)
)

// decodeMistake turns an error of the YAML library into words for people who
// do not know our types.
func decodeMistake(name, text string) *Mistake {
	m := &Mistake{File: name}
	if n := lineNumber.FindStringSubmatch(text); n != nil {
		m.Line, _ = strconv.Atoi(n[1])
		text = text[len(n[0]):]
	}
	text = unknownField.ReplaceAllString(text, "unknown option $1")
	if w := wrongType.FindStringSubmatch(text); w != nil {
		text = fmt.Sprintf("%s is no %s", valueWords(w[1], w[2]), typeWords(w[3]))
	}
	m.Text = text
	return m
}

// valueWords is what stands in the file: a scalar as it is, else its kind.
func valueWords(tag, value string) string {
	switch tag {
	case "seq":
		return "a list"
	case "map":
		return "a section"
	}
	return strconv.Quote(value)
}

func typeWords(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "list"
	case goType == "string":
		return "text"
	case goType == "time.Duration":
		return "duration, such as 10s"
	case strings.HasPrefix(goType, "int"):
		return "whole number"
	case goType == "bool":
		return "true or false"
	}
	return "section"
}

// wrong is a value that cannot be used.
type wrong struct {
	path []string
	text string
}

func (c *Config) validate() []wrong {
	var all []wrong
	add := func(text string, path ...string) { all = append(all, wrong{path, text}) }
	if !isListenAddress(c.Web.ListenAddress) {
		add(fmt.Sprintf("%q is no address to listen on; write host:port or :port", c.Web.ListenAddress), "web", "listen_address")
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		add(fmt.Sprintf("%q is none of debug, info, warn, error", c.Log.Level), "log", "level")
	}
	switch c.Log.Format {
	case "logfmt", "json":
	default:
		add(fmt.Sprintf("%q is none of logfmt, json", c.Log.Format), "log", "format")
	}
	dashes := 0
	for _, f := range c.Input.Files {
		if f == "-" {
			dashes++
		}
	}
	if dashes > 1 {
		add(`"-" is given more than once: there is one stdin`, "input", "files")
	}
	if c.HasKafka() {
		for _, e := range mistakesIn[*kafka.ConfigError](c.Kafka.Validate()) {
			add(e.Text, append([]string{"kafka"}, e.Path...)...)
		}
	}
	for _, e := range mistakesIn[*alertmanager.ConfigError](c.Alertmanager.Validate()) {
		add(e.Text, append([]string{"alertmanager"}, e.Path...)...)
	}
	if topic := c.DeadLetters.Topic; topic != "" {
		const section, option = "dead_letters", "topic"
		if !kafka.IsTopicName(topic) {
			add(fmt.Sprintf("%q is no name of a topic: %s", topic, kafka.TopicNameWords), section, option)
		}
		if slices.Contains(c.Kafka.Topics, topic) {
			add("is one of kafka.topics: dead letters would be read as lines, and be dead letters again", section, option)
		}
		if c.DeadLetters.File != "" {
			add("and file exclude one another", section, option)
		}
		if !c.HasKafka() || len(c.Input.Files) > 0 {
			add("is a topic of the cluster that is read, and none is; dead letters of files go to a file", section, option)
		}
	}
	if c.Bounds.JoinBytes < 0 || c.Bounds.JoinBytes > 1<<40 {
		add("must be from 32MiB to 1TiB", "bounds", "join_bytes")
	} else {
		for _, e := range mistakesIn[*correlate.BoundError](c.Bounds.Core().Validate()) {
			least, got := fmt.Sprint(e.Least), fmt.Sprint(e.Got)
			if e.Name == "forget_after" {
				least, got = milliseconds(int64(e.Least)).String(), milliseconds(int64(e.Got)).String()
			}
			add(fmt.Sprintf("must be at least %s, not %s", least, got), "bounds", e.Name)
		}
	}
	return all
}

// firstLine is the line of the first thing in a document.
func firstLine(document *yaml.Node) int {
	if len(document.Content) > 0 {
		return document.Content[0].Line
	}
	return document.Line
}

// isListenAddress says whether s is host:port with a port that there is.
func isListenAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535
}

// mistakesIn returns the errors of a type that are joined in err.
func mistakesIn[E error](err error) []E {
	var all []E
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		var e E
		if errors.As(err, &e) {
			all = append(all, e)
		}
		return all
	}
	for _, e := range joined.Unwrap() {
		all = append(all, mistakesIn[E](e)...)
	}
	return all
}

// HasKafka says whether topics are to be read.
func (c *Config) HasKafka() bool { return len(c.Kafka.Brokers) > 0 || len(c.Kafka.Topics) > 0 }

// Changed names what differs from another configuration: log.level, and the
// other sections as wholes.
func (c Config) Changed(from Config) []string {
	var names []string
	if c.Log.Level != from.Log.Level {
		names = append(names, "log.level")
	}
	for _, section := range [...]struct {
		name string
		a, b any
	}{
		{"web", c.Web, from.Web},
		{"log.format", c.Log.Format, from.Log.Format},
		{"input", c.Input, from.Input},
		{"kafka", c.Kafka, from.Kafka},
		{"alertmanager", c.Alertmanager, from.Alertmanager},
		{"dead_letters", c.DeadLetters, from.DeadLetters},
		{"judge", c.Judge, from.Judge},
		{"bounds", c.Bounds, from.Bounds},
	} {
		if !reflect.DeepEqual(section.a, section.b) {
			names = append(names, section.name)
		}
	}
	return names
}

// lineOf finds the line on which a path stands in a document, or as much of it
// as is there; 0 if nothing is.
func lineOf(n *yaml.Node, path ...string) int {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	line := 0
	for _, name := range path {
		found := false
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				line, n, found = n.Content[i].Line, n.Content[i+1], true
				break
			}
		}
		if !found {
			return line
		}
	}
	return line
}
