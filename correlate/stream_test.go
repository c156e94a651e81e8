package correlate

// feed returns the only stream of a Correlator.
func feed(c *Correlator) *Stream {
	if len(c.streams) == 0 {
		return c.Stream()
	}
	return c.streams[0]
}
