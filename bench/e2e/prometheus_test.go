//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
)

// prometheus scrapes one slowpod every second and has the shipped rules loaded.
type prometheus struct {
	*process
	url string
}

func startPrometheus(t testing.TB, target, alerts string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	address := freeAddress(t)
	config := write(t, dir, "prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: slowpod
    static_configs: [{targets: [%q]}]
alerting:
  alertmanagers:
    - static_configs: [{targets: [%q]}]
`, filepath.Join(repo, "configs/rules/slowpod.rules.yml"), target, alerts))
	p := &prometheus{url: "http://" + address}
	p.process = launch(t, "prometheus", dir, filepath.Join(debian, "usr/bin/prometheus"),
		"--config.file="+config, "--storage.tsdb.path="+dir, "--web.listen-address="+address,
		"--rules.alert.resend-delay=1s")
	p.answers(p.url + "/-/ready")
	return p
}

// sample is one series with its value.
type sample struct {
	labels map[string]string
	value  float64
}

// query asks for an instant vector.
func (p *prometheus) query(expr string) ([]sample, error) {
	b, err := get(p.url + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, err
	}
	var all []sample
	for _, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, sample{r.Metric, v})
	}
	return all, nil
}

// one asks for a vector that must have exactly one series.
func (p *prometheus) one(expr string) (sample, error) {
	all, err := p.query(expr)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("%s: %d series: %v", expr, len(all), all)
	}
	if err != nil {
		return sample{}, err
	}
	return all[0], nil
}
