//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
)

// alertmanager with one receiver: the pager.
type alertmanager struct {
	*process
	address string
	url     string
	pager   *pager
}

// pager is a webhook that keeps the last state of each alert.
type pager struct {
	mu     sync.Mutex
	status map[string]string // by alert name: firing, resolved
}

func (p *pager) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var page struct{ Alerts []alert }
	if json.NewDecoder(r.Body).Decode(&page) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range page.Alerts {
		p.status[a.Labels["alertname"]] = a.Status
	}
}

// says whether the last page about an alert had a status.
func (p *pager) says(name, status string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status[name] != status {
		return fmt.Errorf("the pager was last told that %s is %q", name, p.status[name])
	}
	return nil
}

func startAlertmanager(t testing.TB) *alertmanager {
	t.Helper()
	dir := t.TempDir()
	pager := &pager{status: map[string]string{}}
	web := httptest.NewServer(pager)
	t.Cleanup(web.Close)
	config := write(t, dir, "alertmanager.yml", fmt.Sprintf(`
route: {receiver: pager, group_by: [...], group_wait: 1s, group_interval: 1s}
receivers: [{name: pager, webhook_configs: [{url: %q, send_resolved: true}]}]
`, web.URL))
	a := &alertmanager{address: freeAddress(t), pager: pager}
	a.url = "http://" + a.address
	// The working directory is where its templates are.
	a.process = launch(t, "alertmanager", debian, filepath.Join(debian, "usr/bin/alertmanager"),
		"--config.file="+config, "--storage.path="+dir, "--web.listen-address="+a.address,
		"--cluster.listen-address=")
	a.answers(a.url + "/-/ready")
	return a
}

// alert is one as the pager gets it.
type alert struct {
	Status      string
	Labels      map[string]string
	Annotations map[string]string
}

// active returns the alerts of a name that are not over.
func (a *alertmanager) active(name string) ([]alert, error) {
	b, err := get(a.url + "/api/v2/alerts?filter=alertname%3D" + name)
	if err != nil {
		return nil, err
	}
	var all []struct{ Labels, Annotations map[string]string }
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	var alerts []alert
	for _, x := range all {
		alerts = append(alerts, alert{Labels: x.Labels, Annotations: x.Annotations})
	}
	return alerts, nil
}
