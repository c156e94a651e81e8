package accesslog

import "encoding/binary"

// order is the keys of an earlier line, with all that stood in front of its
// values: a proxy writes one order.
type order struct {
	steps []step
	text  []byte // of all steps
}

// step leads from the end of a value to the next one: `,"duration":`.
type step struct {
	key      key // noKey: of none that the parser knows
	from, to uint16
	// plain says that the value may be read by follow; head and tail are then
	// the first and the last eight bytes, little-endian.
	plain      bool
	head, tail uint64
}

const (
	// maxOrders is how many orders are known at once: the proxies of a mesh
	// have a few versions, and their lines come mixed.
	maxOrders = 8
	// maxOrderText bounds the text of an order, in bytes.
	maxOrderText = 4 << 10
	// Where no line is like another, learning costs and gains nothing. Each
	// line that follows an order pays for some lines that are learned; without
	// such lines only one in learnRarely is.
	learnGain, learnMost, learnRarely = 4, 64, 16
)

// orders are the orders that a scanner knows.
type orders struct {
	all  [maxOrders]order
	last int // of the line before
	next int // to be replaced
	// credit is how many more lines may be learned, misses the lines that
	// followed no order.
	credit, misses int
	learned        order
}

// leads says that the step n stands at b[i].
func (o *order) leads(n int, b []byte, i int) bool {
	if n >= len(o.steps) {
		return false
	}
	text := o.text[o.steps[n].from:o.steps[n].to]
	return len(b)-i >= len(text) && string(b[i:i+len(text)]) == string(text)
}

// middle says that what is between the first and the last eight bytes of a step
// that is plain stands in b, which is as long.
func (o *order) middle(s *step, b []byte) bool {
	text := o.text[s.from:s.to]
	for at := 8; at < len(text)-8; at += 8 { // the last word may overlap
		if binary.LittleEndian.Uint64(b[at:]) != binary.LittleEndian.Uint64(text[at:]) {
			return false
		}
	}
	return true
}

// begun is the text of the first n steps.
func (o *order) begun(n int) []byte {
	if n == 0 {
		return nil
	}
	return o.text[:o.steps[n-1].to]
}

// add adds a step; false says that it does not fit.
func (o *order) add(k key, text []byte) bool {
	from := len(o.text)
	if from+len(text) > maxOrderText {
		return false
	}
	o.text = append(o.text, text...)
	s := step{key: k, from: uint16(from), to: uint16(len(o.text))}
	if s.plain = k != noKey && k != keyKubernetes && len(text) >= 8; s.plain {
		s.head, s.tail = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[len(text)-8:])
	}
	o.steps = append(o.steps, s)
	return true
}

// other finds an order that has the same first n steps and goes on with what
// stands at b[i]; nil if there is none.
func (os *orders) other(like *order, n int, b []byte, i int) *order {
	begun := like.begun(n)
	for j := range os.all {
		if o := &os.all[j]; o != like && o.leads(n, b, i) && string(o.begun(n)) == string(begun) {
			os.last = j
			return o
		}
	}
	return nil
}

// learn begins an order with the first n steps of another one; nil where that
// would not pay.
func (os *orders) learn(like *order, n int) *order {
	os.misses++
	if os.credit == 0 && os.misses%learnRarely != 1 {
		return nil
	}
	os.credit = max(os.credit-1, 0)
	os.learned.text = append(os.learned.text[:0], like.begun(n)...)
	os.learned.steps = append(os.learned.steps[:0], like.steps[:n]...)
	return &os.learned
}

// keep makes what was learned one of the orders.
func (os *orders) keep() {
	os.all[os.next], os.learned = os.learned, os.all[os.next]
	os.last, os.next = os.next, (os.next+1)%maxOrders
}

// followed notes a line that an order led through.
func (os *orders) followed() { os.credit = min(os.credit+learnGain, learnMost) }
