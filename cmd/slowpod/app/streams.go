package app

import "sync"

// Streams numbers streams by their names, for correlate.Record.File. A number
// stays a stream's for as long as the process lives.
type Streams struct {
	mu     sync.Mutex
	names  []string
	number map[string]int32
}

// Number returns the number of a stream.
func (s *Streams) Number(name string) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.number[name]
	if !ok {
		if s.number == nil {
			s.number = map[string]int32{}
		}
		n = int32(len(s.names))
		s.number[name] = n
		s.names = append(s.names, name)
	}
	return n
}

// Name returns the name of a stream; "" for a number that was never given.
func (s *Streams) Name(n int32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 0 || int(n) >= len(s.names) {
		return ""
	}
	return s.names[n]
}
