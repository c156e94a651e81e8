package main

import (
	"bytes"
	"fmt"
	"math"
	"text/template"
)

// picture draws lines per second against cores and against the share of failing
// lines; nil where these were not measured.
func (p *page) picture() []byte {
	speed := func(name, log string, procs int) float64 {
		for _, r := range p.rows {
			if plain(r.name) == name && r.log == log && r.procs == procs {
				return r.linesPerSecond()
			}
		}
		return 0
	}
	const report = "slowpod report"
	cores := panel{title: "slowpod report, by cores", x: 60, width: 230, line: speed("naive, fastjson", "corpus", 1)}
	failing := panel{title: "slowpod report, by share of failing lines", x: 350, width: 420}
	for procs := 1; procs <= 2; procs++ {
		name := fmt.Sprintf("%d cores", procs)
		if procs == 1 {
			name = "1 core"
		}
		cores.groups = append(cores.groups, group{name, []bar{{procs, speed(report, "corpus", procs)}}})
	}
	for _, share := range shares {
		name := fmt.Sprintf("%.0f %%", 100*share)
		log := name + " failing"
		failing.groups = append(failing.groups, group{name, []bar{{1, speed(report, log, 1)}, {2, speed(report, log, 2)}}})
	}
	most := cores.line
	for _, g := range append(cores.groups, failing.groups...) {
		for _, b := range g.bars {
			if b.value == 0 {
				return nil
			}
			most = max(most, b.value)
		}
	}
	d := drawing{Naive: cores.line > 0}
	d.add(&cores, most)
	d.add(&failing, most)
	var b bytes.Buffer
	// A template that does not fit its data would be found by the test.
	_ = svg.Execute(&b, d)
	return b.Bytes()
}

// panel is one of the two charts: groups of bars, and a line that they are
// compared with, 0 for none.
type panel struct {
	title    string
	x, width float64 // pixels
	groups   []group
	line     float64
}

type group struct {
	name string
	bars []bar
}

type bar struct {
	cores int
	value float64
}

// drawing is all that stands in the picture, in pixels.
type drawing struct {
	Naive                            bool // has a line
	Titles, Ticks, Names, Bars, Line []shape
}

type shape struct {
	X, Y, Width, Height float64
	Text, Colour        string
}

// colours by cores.
var colours = [...]string{1: "#9db8d9", 2: "#1f5fa8"}

// add places a panel; most is the largest value of all panels.
func (d *drawing) add(p *panel, most float64) {
	const top, height, wide = 66.0, 190.0, 46.0
	step := math.Pow(10, math.Floor(math.Log10(most)))
	if most < 4*step {
		step /= 2
	}
	ceiling := math.Ceil(most*1.05/step) * step
	y := func(v float64) float64 { return top + height*(1-v/ceiling) }
	d.Titles = append(d.Titles, shape{X: p.x, Y: 24, Text: p.title})
	for v := 0.0; v < ceiling+step/2; v += step {
		d.Ticks = append(d.Ticks, shape{X: p.x, Y: y(v), Width: p.width, Text: fmt.Sprintf("%g k", math.Round(v/1e3))})
	}
	each := p.width / float64(len(p.groups))
	for i, g := range p.groups {
		middle := p.x + each*(float64(i)+0.5)
		d.Names = append(d.Names, shape{X: middle, Y: top + height + 18, Text: g.name})
		left := middle - wide*float64(len(g.bars))/2
		for j, b := range g.bars {
			d.Bars = append(d.Bars, shape{X: left + wide*float64(j) + 2, Y: y(b.value), Width: wide - 4, Height: y(0) - y(b.value),
				Text: fmt.Sprintf("%.0f k", b.value/1e3), Colour: colours[b.cores]})
		}
	}
	if p.line > 0 {
		d.Line = append(d.Line, shape{X: p.x, Y: y(p.line), Width: p.width, Text: fmt.Sprintf("%.0f k", p.line/1e3)})
	}
}

var svg = template.Must(template.New("").Funcs(template.FuncMap{
	"px":     func(v float64) string { return fmt.Sprintf("%.1f", v) },
	"middle": func(s shape) string { return fmt.Sprintf("%.1f", s.X+s.Width/2) },
	"right":  func(s shape) string { return fmt.Sprintf("%.1f", s.X+s.Width) },
}).Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 320" font-family="system-ui, sans-serif" font-size="12" fill="#333">
<rect width="800" height="320" fill="#fff"/>
{{range .Titles}}<text x="{{px .X}}" y="{{px .Y}}" font-size="14" font-weight="600">{{.Text}}</text>
<text x="{{px .X}}" y="44" fill="#666">lines per second</text>
{{end}}{{range .Ticks}}<path d="M{{px .X}} {{px .Y}}h{{px .Width}}" stroke="#e4e4e4"/><text x="{{px .X}}" dx="-8" y="{{px .Y}}" dy="4" text-anchor="end" fill="#666">{{.Text}}</text>
{{end}}{{range .Names}}<text x="{{px .X}}" y="{{px .Y}}" text-anchor="middle" fill="#666">{{.Text}}</text>
{{end}}{{range .Bars}}<rect x="{{px .X}}" y="{{px .Y}}" width="{{px .Width}}" height="{{px .Height}}" rx="2" fill="{{.Colour}}"/><text x="{{middle .}}" y="{{px .Y}}" dy="-5" text-anchor="middle" font-size="11">{{.Text}}</text>
{{end}}{{range .Line}}<path d="M{{px .X}} {{px .Y}}h{{px .Width}}" stroke="#b4532a" stroke-width="1.5" stroke-dasharray="5 4"/><text x="{{right .}}" y="{{px .Y}}" dy="-5" text-anchor="end" font-size="11" fill="#b4532a">{{.Text}}</text>
{{end}}<g font-size="12" fill="#666"><rect x="350" y="294" width="12" height="12" rx="2" fill="#9db8d9"/><text x="368" y="304">1 core</text>
<rect x="430" y="294" width="12" height="12" rx="2" fill="#1f5fa8"/><text x="448" y="304">2 cores</text>{{if .Naive}}
<path d="M60 300h24" stroke="#b4532a" stroke-width="1.5" stroke-dasharray="5 4"/><text x="92" y="304">naive, fastjson, 1 core; it only counts</text>{{end}}</g>
</svg>
`))
