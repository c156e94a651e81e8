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
	reports := func(log string, procs int) *row {
		for _, r := range p.rows {
			if plain(r.name) == "slowpod report" && r.log == log && r.procs == procs {
				return r
			}
		}
		return nil
	}
	cores := panel{Title: "slowpod report, by cores", X: 70, ticks: []tick{{1, "1"}, {2, "2"}}, low: 0.7, high: 2.3}
	failing := panel{Title: "slowpod report, by share of failing lines", X: 450, low: -0.03, high: 0.33}
	one, two := reports("corpus", 1), reports("corpus", 2)
	if one == nil || two == nil || reports("0 % failing", 1) == nil {
		return nil
	}
	cores.lines = []curve{{"", "#1f5fa8", [][2]float64{{1, one.median(linesPerWall)}, {2, two.median(linesPerWall)}}}}
	for i, name := range []string{"1 core", "2 cores"} {
		c := curve{name: name, colour: []string{"#7a8794", "#1f5fa8"}[i]}
		for _, share := range shares {
			log := fmt.Sprintf("%.0f %%", 100*share)
			c.at = append(c.at, [2]float64{share, reports(log+" failing", i+1).median(linesPerWall)})
			if i == 0 {
				failing.ticks = append(failing.ticks, tick{share, log})
			}
		}
		failing.lines = append(failing.lines, c)
	}
	most := 0.0
	for _, pan := range []*panel{&cores, &failing} {
		for _, c := range pan.lines {
			for _, at := range c.at {
				most = max(most, at[1])
			}
		}
	}
	cores.draw(most)
	failing.draw(most)
	var b bytes.Buffer
	// A template that does not fit its data would be found by the test.
	_ = svg.Execute(&b, []*panel{&cores, &failing})
	return b.Bytes()
}

// panel is one of the two drawings. All that the template needs is exported.
type panel struct {
	Title             string
	X                 int // of its left edge
	ticks             []tick
	low, high         float64 // of x
	lines             []curve
	Grid, Below       []label
	Curves            []drawn
	Dots, Values, End []label
}

type tick struct {
	at   float64
	text string
}

type curve struct {
	name, colour string
	at           [][2]float64
}

type label struct {
	X, Y         float64
	Text, Colour string
}

type drawn struct{ Path, Colour string }

// Of a drawing, in pixels.
const width, height, top = 300.0, 200.0, 50.0

// draw places everything; most is the largest y of all panels.
func (p *panel) draw(most float64) {
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, n := range []float64{5, 2} {
		if most/(step/n) <= 6 {
			step /= n
			break
		}
	}
	ceiling := math.Ceil(most*1.08/step) * step
	x := func(v float64) float64 { return float64(p.X) + width*(v-p.low)/(p.high-p.low) }
	y := func(v float64) float64 { return top + height*(1-v/ceiling) }
	for v := 0.0; v < ceiling+step/2; v += step {
		p.Grid = append(p.Grid, label{X: float64(p.X), Y: y(v), Text: count(v)})
	}
	for _, t := range p.ticks {
		p.Below = append(p.Below, label{X: x(t.at), Text: t.text})
	}
	for _, c := range p.lines {
		path := ""
		for i, at := range c.at {
			path += fmt.Sprintf("%s%.1f %.1f", []string{"M", " L"}[min(i, 1)], x(at[0]), y(at[1]))
			dot := label{X: x(at[0]), Y: y(at[1]), Text: count(at[1]), Colour: c.colour}
			p.Dots = append(p.Dots, dot)
			dot.Y -= 9
			p.Values = append(p.Values, dot)
		}
		p.Curves = append(p.Curves, drawn{path, c.colour})
		last := c.at[len(c.at)-1]
		p.End = append(p.End, label{X: x(last[0]) + 10, Y: y(last[1]) + 18, Text: c.name, Colour: c.colour})
	}
}

var svg = template.Must(template.New("").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 790 300" font-family="system-ui, sans-serif" font-size="12" fill="#333">
<rect width="790" height="300" fill="#fff"/>
{{range $p := .}}<text x="{{.X}}" y="24" font-size="14" font-weight="600">{{.Title}}</text>
<text x="{{.X}}" y="40" fill="#777">lines per second</text>
{{range .Grid}}<path d="M{{.X}} {{.Y}} h300" stroke="#e3e3e3"/><text x="{{.X}}" dx="-8" y="{{.Y}}" dy="4" text-anchor="end" fill="#777">{{.Text}}</text>
{{end}}{{range .Below}}<text x="{{.X}}" y="270" text-anchor="middle" fill="#777">{{.Text}}</text>
{{end}}{{range .Curves}}<path d="{{.Path}}" fill="none" stroke="{{.Colour}}" stroke-width="2.5"/>
{{end}}{{range .Dots}}<circle cx="{{.X}}" cy="{{.Y}}" r="4" fill="{{.Colour}}"/>
{{end}}{{range .Values}}<text x="{{.X}}" y="{{.Y}}" text-anchor="middle" fill="{{.Colour}}">{{.Text}}</text>
{{end}}{{range .End}}<text x="{{.X}}" y="{{.Y}}" text-anchor="end" font-weight="600" fill="{{.Colour}}">{{.Text}}</text>
{{end}}{{end}}</svg>
`))
