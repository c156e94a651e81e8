package alertmanager

import (
	"slices"
	"sync"
)

// queue holds what waits for one replica: of each alert only the newest word,
// for an alert is a state. When it is full the oldest goes.
type queue struct {
	capacity int
	ready    chan struct{} // holds a token when something was put

	mu    sync.Mutex
	order []string // keys, the oldest first
	byKey map[string]*message
}

func newQueue(capacity int) *queue {
	return &queue{capacity: capacity, ready: make(chan struct{}, 1), byKey: map[string]*message{}}
}

// put adds messages, or puts them in the place of older ones of the same alert.
// It returns how many were dropped to make room.
func (q *queue) put(all []*message) int {
	q.mu.Lock()
	for _, m := range all {
		if q.byKey[m.key] == nil {
			q.order = append(q.order, m.key)
		}
		q.byKey[m.key] = m
	}
	dropped := q.shrink()
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return dropped
}

// putBack returns to the head of the queue what take had taken, but for alerts
// of which there is newer word.
func (q *queue) putBack(all []*message) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	var keys []string
	for _, m := range all {
		if q.byKey[m.key] == nil {
			keys = append(keys, m.key)
			q.byKey[m.key] = m
		}
	}
	q.order = append(keys, q.order...)
	return q.shrink()
}

func (q *queue) shrink() int {
	over := max(len(q.order)-q.capacity, 0)
	for _, key := range q.order[:over] {
		delete(q.byKey, key)
	}
	q.order = slices.Delete(q.order, 0, over)
	return over
}

// take takes the oldest n, or as many as there are.
func (q *queue) take(n int) []*message {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.order))
	all := make([]*message, n)
	for i, key := range q.order[:n] {
		all[i] = q.byKey[key]
		delete(q.byKey, key)
	}
	q.order = slices.Delete(q.order, 0, n)
	return all
}

// remove takes out what waits of an alert, and says whether anything did.
func (q *queue) remove(key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byKey[key] == nil {
		return false
	}
	delete(q.byKey, key)
	q.order = slices.DeleteFunc(q.order, func(k string) bool { return k == key })
	return true
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.order)
}
