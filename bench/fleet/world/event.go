package world

// what happens to an attempt, or to the call it belongs to.
type what uint8

const (
	arrives what = iota // at the pod, late
	refused             // the connection was
	done                // a worker is
	replied             // the reply reached the caller, late
	limit               // the caller waits no longer
	retry               // the back-off is over
)

// event is one thing to come, at microseconds. It is void if the call's serial
// has moved on; only that a worker is done counts even then.
type event struct {
	at     int64
	serial uint32
	call   uint32
	pod    uint16
	what   what
}

// events is a binary heap, the earliest on top. Not container/heap: there is
// one push and pop per call.
type events []event

func (h *events) push(e event) {
	s := append(*h, e)
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if s[parent].at <= e.at {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = e
	*h = s
}

func (h *events) pop() event {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].at < s[child].at {
			child++
		}
		if last.at <= s[child].at {
			break
		}
		s[i] = s[child]
		i = child
	}
	if len(s) > 0 {
		s[i] = last
	}
	*h = s
	return top
}
