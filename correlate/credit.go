package correlate

import (
	"github.com/slowpod/slowpod/classify"
)

// credit notes that the pod's record confirms a timeout that ended at end:
// the app had the request, or it was held in the pod's proxy.
func (c *Correlator) credit(p *pod, end int64, appHad bool, n int32) {
	if end >= c.window.start {
		cell := c.window.cell(p, c.window.nearest(end))
		if appHad {
			cell.confirmed += n
		} else {
			cell.held += n
		}
		return
	}
	for _, e := range [...]*evidence{p.judge.evidence, p.group.judge.evidence} {
		if e != nil && end >= e.start {
			e.tally.credit(appHad, n)
			if end <= e.lastBad {
				e.bad.credit(appHad, n)
			}
		}
	}
}

func (e *tally) credit(appHad bool, n int32) {
	if appHad {
		e.confirmed += int64(n)
	} else {
		e.held += int64(n)
	}
}

// creditLeft notes that the caller's record says that its application left.
func (c *Correlator) creditLeft(p *pod, server *half) {
	start := server.end - server.duration
	if server.end >= c.window.start {
		cell := c.window.cell(p, c.window.nearest(server.end))
		cell.callerLeft++
		if cell.leftFrom == 0 || start < cell.leftFrom {
			cell.leftFrom = start
		}
		return
	}
	l := &p.group.service.leavers
	l.began(start)
	l.fresh.confirmed++
}

// settle corrects what pair credited by what the whole call says, and counts
// the timeouts of which the pod knows nothing.
func (c *Correlator) settle(p *pod, h *half, v Verdict) {
	if p == nil || h.outcome != classify.Timeout {
		return
	}
	sure := v == Confirmed || v == HeldInProxy
	switch {
	case sure && !h.paired:
		c.credit(p, h.end, v == Confirmed, 1)
	case !sure && h.paired:
		c.credit(p, h.end, !h.pairedHeld, -1)
	}
	if h.replay || v == Undecided {
		return
	}
	switch {
	case v == NotReceived || v == ClientOnly && c.servedAround(p, h):
		c.log.NotReceived(h.end, h.host)
	case v == AnsweredLate:
		c.log.AnsweredLate(h.end)
	}
	p.judge.settled++
	if !sure {
		p.judge.lost++
	}
}
