package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/slowpod/slowpod/bench/fleet/score"
)

// limit is one thing that a row requires.
type limit struct {
	what string
	// measure says what was measured; of returns the figures of all runs.
	measure func(*score.Sheet) score.Figure
	least   bool // the bound is a lower one
	bound   float64
	// short, where not 0, is the bound of the short form, whose runs are
	// shorter, too.
	short float64
	// scaled bounds are counts over the full form: the short one gets its
	// share, rounded up.
	scaled bool
	unit   unit
	// shown is no limit: the value is only shown.
	shown bool
}

// unit is how a value is written.
type unit uint8

const (
	ratio unit = iota
	secs
	number
)

func (u unit) String(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "never"
	case u == ratio:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case u == secs:
		return strconv.FormatFloat(v, 'f', 0, 64) + " s"
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// within returns the bound of a run that is a share of the full form.
func (l *limit) within(share float64) float64 {
	switch {
	case l.scaled:
		return math.Ceil(l.bound * share)
	case share < 1 && l.short != 0:
		return l.short
	}
	return l.bound
}

// verdict is the last word on one limit.
type verdict string

const (
	fine   verdict = "ok"
	missed verdict = "MISSED"
	// noCase is a limit on something that did not happen in the run: it is
	// neither kept nor missed.
	noCase verdict = "no case"
	// unasked is no limit, or one that another test holds.
	unasked verdict = "-"
)

// line is a line of the table.
type line struct {
	required, measured string
	verdict            verdict
}

func (l *limit) check(s *score.Sheet, share float64) line {
	bound := l.within(share)
	sign := "<="
	if l.least {
		sign = ">="
	}
	out := line{required: fmt.Sprintf("%s %s %s", l.what, sign, l.unit.String(bound))}
	f := l.measure(s)
	switch {
	case l.shown:
		out.required, out.verdict = l.what, unasked
		if f.Cases == 0 {
			out.measured = "-"
			return out
		}
	case f.Cases == 0:
		out.measured, out.verdict = "-", noCase
		return out
	case l.least && f.Value >= bound, !l.least && f.Value <= bound:
		out.verdict = fine
	default:
		out.verdict = missed
	}
	out.measured = l.unit.String(f.Value)
	if l.unit != number {
		out.measured += fmt.Sprintf(" (%d)", f.Cases)
	}
	return out
}

// Shares.

func precision(least float64) limit {
	return limit{what: "precision", measure: (*score.Sheet).Precision, least: true, bound: least}
}

func pathPrecision(least float64) limit {
	return limit{what: "precision, the way to the pod included", measure: (*score.Sheet).PathPrecision, least: true, bound: least}
}

func recall(least float64) limit { return recallOf("", score.Enough, least) }

func recallOf(of string, s score.Stratum, least float64) limit {
	return limit{what: join("recall", of), measure: func(t *score.Sheet) score.Figure { return t.Recall(s) }, least: true, bound: least}
}

func named(kind string, least float64) limit {
	return limit{what: "named " + kind, measure: func(t *score.Sheet) score.Figure { return t.Share(kind) }, least: true, bound: least}
}

// Times.

func delay(q, most float64) limit { return delayOf("", score.Enough, q, most) }

func delayOf(of string, s score.Stratum, q, most float64) limit {
	return limit{what: join(quantileName(q), of), measure: func(t *score.Sheet) score.Figure { return t.Delay(s, q) }, bound: most, unit: secs}
}

func namedDelay(kind string, q, most float64) limit {
	return limit{
		what:    quantileName(q) + " of " + kind,
		measure: func(t *score.Sheet) score.Figure { return t.NamedDelay(kind, q) }, bound: most, unit: secs,
	}
}

func clears(q, most float64) limit {
	return limit{
		what:    "alert over after the fault, " + quantileName(q),
		measure: func(t *score.Sheet) score.Figure { return t.Clear(q) }, bound: most, unit: secs,
	}
}

// Numbers.

func falsePer1000(most float64) limit {
	return limit{what: "false alerts per 1000 pod-days", measure: (*score.Sheet).FalsePer1000, bound: most, unit: number}
}

func alertsPerFault(most float64) limit {
	return limit{what: "alerts per fault", measure: (*score.Sheet).AlertsPerFault, bound: most, unit: number}
}

// alerts bounds how many alerts of some kinds there are, right or wrong.
func alerts(what string, most float64, kinds ...string) limit {
	return limit{what: what, measure: func(t *score.Sheet) score.Figure {
		n := 0
		for _, kind := range kinds {
			n += t.Kinds[kind].All()
		}
		return score.Figure{Value: float64(n), Cases: t.Runs}
	}, bound: most, scaled: true, unit: number}
}

func slowPods(most float64) limit { return alerts("slow_pod", most, score.SlowPod) }

func counted(what string, most float64, n func(*score.Sheet) int) limit {
	return limit{what: what, measure: func(t *score.Sheet) score.Figure {
		return score.Figure{Value: float64(n(t)), Cases: t.Runs}
	}, bound: most, scaled: true, unit: number}
}

func perPods(what string, most float64) limit {
	return limit{what: what, measure: func(t *score.Sheet) score.Figure {
		return score.Figure{Value: 1000 * float64(t.True+t.False) / float64(max(t.Pods, 1)), Cases: t.Pods}
	}, bound: most, unit: number}
}

func perRun(what string, most float64) limit {
	return limit{what: what, measure: func(t *score.Sheet) score.Figure {
		return score.Figure{Value: float64(t.True+t.False) / float64(max(t.Runs, 1)), Cases: t.Runs}
	}, bound: most, unit: number}
}

// but changes the bound in the short form.
func (l limit) but(short float64) limit { l.short = short; return l }

// show has limits shown only.
func show(limits ...limit) []limit {
	for i := range limits {
		limits[i].shown = true
	}
	return limits
}

// over turns an upper bound into a lower one: what a broken build must exceed.
func over(l limit) limit { l.least = true; return l }

// under turns a lower bound into an upper one.
func under(l limit) limit { l.least = false; return l }

func quantileName(q float64) string { return fmt.Sprintf("p%.0f", 100*q) }

func join(what, of string) string {
	if of == "" {
		return what
	}
	return what + ", " + of
}
