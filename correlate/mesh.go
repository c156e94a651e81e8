package correlate

// Where so many services move at once it is no single pod's doing, even of
// services that have only one: their load, the cluster, what they all depend on.
const (
	commonServices = 3
	commonOf       = 10 // services with a past and with requests
	commonShare    = 0.2
	commonWithin   = 180_000 // milliseconds: what lately is
)

// mesh counts the services that had requests lately and have a past, and those
// of them that have moved lately.
type mesh struct{ all, moving int }

func (gj *groupJudge) note(now int64) {
	if gj.slow || gj.level(gj.side()) > someShare*bar {
		gj.movedAt = now
	}
}

// countMesh looks at all services once a slice.
func (c *Correlator) countMesh(now int64) {
	c.mesh = mesh{}
	for _, s := range c.registry.list {
		for _, g := range s.groups {
			gj := &g.judge
			if now-gj.judged > commonWithin || gj.past[gj.side()].N() < servicePast {
				continue
			}
			c.mesh.all++
			if gj.movedAt != 0 && now-gj.movedAt <= commonWithin {
				c.mesh.moving++
			}
		}
	}
}

// common says that many services have become slower at once, by the last slice.
func (c *Correlator) common() bool {
	return c.mesh.moving >= commonServices && c.mesh.all >= commonOf &&
		float64(c.mesh.moving) >= commonShare*float64(c.mesh.all)
}
