package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Daemon is a `slowpod run`.
type Daemon struct {
	*Process
	url string
}

// StartDaemon starts `slowpod run` with further arguments on a port of its own.
// In cmd come the program, the environment and standard input.
func StartDaemon(cmd *exec.Cmd, args ...string) (*Daemon, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	cmd.Args = append(append(cmd.Args, "run", "--web.listen-address="+address), args...)
	p, err := Start(cmd)
	return &Daemon{p, "http://" + address}, err
}

// Metrics are what a scrape has brought.
type Metrics struct {
	families map[string]*dto.MetricFamily
	Bytes    int
	Took     time.Duration
}

// Scrape reads /metrics.
func (d *Daemon) Scrape(ctx context.Context) (Metrics, error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/metrics", nil)
	if err != nil {
		return Metrics{}, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return Metrics{}, err
	}
	defer r.Body.Close()
	text := &counter{r: r.Body}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", req.URL, r.Status)
	}
	return Metrics{families, text.n, time.Since(began)}, err
}

// Sum adds up the series of a metric, a counter or a gauge, by the value of one
// of its labels.
func (m Metrics) Sum(name, label string) map[string]float64 {
	sums := map[string]float64{}
	for _, s := range m.families[name].GetMetric() {
		value := ""
		for _, l := range s.Label {
			if l.GetName() == label {
				value = l.GetValue()
			}
		}
		sums[value] += s.GetCounter().GetValue() + s.GetGauge().GetValue()
	}
	return sums
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
