package alertmanager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

const (
	// maxBatch is how many alerts go into one request.
	maxBatch = 64
	// firstWait and longestWait are the bounds of the back-off.
	firstWait   = time.Second
	longestWait = 30 * time.Second
	// maxAnswer is how much of an answer is read.
	maxAnswer = 4 << 10
)

// replica sends to one Alertmanager. It knows of no other, so one that is dead
// delays nobody but itself.
type replica struct {
	url     string
	timeout time.Duration
	life    time.Duration // how long a firing alert stays without being sent again
	client  *http.Client
	queue   *queue
	metrics replicaMetrics
	logger  *slog.Logger

	complaint string // logged last; "" while all is well
}

// run sends what comes into the queue. When last is closed the queue has all
// that it will ever have: it is sent without waiting any more, and run returns.
func (r *replica) run(ctx context.Context, last <-chan struct{}) {
	wait := firstWait
	for {
		batch := r.queue.take(maxBatch)
		if len(batch) == 0 {
			select {
			case <-r.queue.ready:
				continue
			case <-last:
				r.flush(ctx)
				return
			}
		}
		if r.send(ctx, batch) {
			wait = firstWait
			continue
		}
		select {
		case <-time.After(jitter(wait)):
			wait = min(2*wait, longestWait)
		case <-last:
			r.flush(ctx)
			return
		}
	}
}

// jitter is between half and all of the time, so that replicas of slowpod that
// lost the same Alertmanager do not come back to it at the same moment.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// flush sends what waits, until it fails.
func (r *replica) flush(ctx context.Context) {
	for {
		batch := r.queue.take(maxBatch)
		if len(batch) == 0 {
			return
		}
		if !r.send(ctx, batch) {
			rest := len(r.queue.take(r.queue.capacity))
			r.metrics.dropped[dropShutdown].Add(float64(rest))
			r.logger.Warn("alerts were not delivered before the end", "alerts", rest)
			return
		}
	}
}

// send sends a batch. False: it is in the queue again and to be tried later.
func (r *replica) send(ctx context.Context, batch []*message) bool {
	reason, err := r.post(ctx, batch)
	switch reason {
	case "":
		r.metrics.sent.Add(float64(len(batch)))
		r.metrics.success.SetToCurrentTime()
		if r.complaint != "" {
			r.logger.Info("Alertmanager accepts alerts again")
			r.complaint = ""
		}
		return true
	case failRefused:
		// The next time would be no better. What still fires is sent again
		// when it is due, for somebody may have repaired it by then.
		r.metrics.dropped[dropRefused].Add(float64(len(batch)))
	default:
		r.metrics.dropped[dropQueueFull].Add(float64(r.queue.putBack(batch)))
	}
	r.metrics.failed[reason].Inc()
	// Once until it is well again, or until it is another trouble.
	if r.complaint != reason {
		r.complaint = reason
		r.logger.Warn("Alertmanager does not accept alerts", "reason", reason, "err", report.Safe(err.Error()), "alerts", len(batch))
	}
	return reason == failRefused
}

// post makes the request. Where it fails it says why: one of the fail reasons.
func (r *replica) post(ctx context.Context, batch []*message) (string, error) {
	body, err := encode(batch, time.Now(), r.life)
	if err != nil {
		return failRefused, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return failRefused, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // the logger has the URL
		}
		return failNetwork, err
	}
	defer resp.Body.Close()
	// Read to the end, so that the connection can be used again.
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch code := resp.StatusCode; {
	case resp.Request != nil && resp.Request.Method != http.MethodPost:
		// A redirect made it a question, and the answer to that is no
		// acceptance, whatever its code.
		return failRefused, errors.New("redirected: write the URL that it was sent to into urls")
	case code/100 == 2:
		return "", nil
	case code/100 == 5:
		return failServer, refusal(resp.Status, answer)
	case code == http.StatusTooManyRequests:
		return failTooMany, refusal(resp.Status, answer)
	default:
		return failRefused, refusal(resp.Status, answer)
	}
}

func refusal(status string, answer []byte) error {
	return fmt.Errorf("%s: %s", status, bounded(string(bytes.TrimSpace(answer)), maxLine))
}
