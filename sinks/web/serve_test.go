package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	h := handler(t, state(slowPod(), ended()))
	css, js := "/static/"+h.assets.css, "/static/"+h.assets.js
	for _, c := range []struct {
		method, target string
		status         int
		mime, cache    string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-store"},
		{"HEAD", "/", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/?part=main", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/findings/ended-1", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/findings/ended-1?part=main", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/findings/gone", 404, "text/html; charset=utf-8", "no-store"},
		{"GET", "/findings/", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/findings/%3Cb%3E", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/elsewhere", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", css, 200, "text/css; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", js, 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", "/static/app.css", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/static/../templates/page.html", 404, "text/plain; charset=utf-8", "no-store"},
		{"POST", "/", 405, "text/plain; charset=utf-8", "no-store"},
		{"DELETE", css, 405, "text/plain; charset=utf-8", "no-store"},
		{"OPTIONS", "/", 405, "text/plain; charset=utf-8", "no-store"},
	} {
		t.Run(c.method+c.target, func(t *testing.T) {
			w := ask(h, c.method, c.target)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			for key, want := range map[string]string{
				"Content-Type":               c.mime,
				"Cache-Control":              c.cache,
				"Content-Security-Policy":    policy,
				"X-Content-Type-Options":     "nosniff",
				"Referrer-Policy":            "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := w.Header().Get(key); got != want {
					t.Errorf("%s: %q, want %q", key, got, want)
				}
			}
			if c.status == 405 && w.Header().Get("Allow") != "GET, HEAD" {
				t.Error("no Allow")
			}
			if w.Body.Len() > 0 && c.mime[:9] == "text/html" {
				wellFormed(t, w.Body.String())
			}
			if c.method == "HEAD" && (w.Body.Len() > 0 || w.Header().Get("Content-Length") == "0") {
				t.Error("HEAD has a body, or no length")
			}
			if strings.Contains(c.target, "part=main") == strings.Contains(w.Body.String(), "<html") && c.status == 200 && c.mime[:9] == "text/html" && c.method == "GET" {
				t.Error("the wrong part")
			}
		})
	}
}

func TestOperatorsHeadersWin(t *testing.T) {
	h := handler(t, state())
	w := httptest.NewRecorder()
	w.Header().Set("Content-Security-Policy", "default-src 'self'")
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header().Values("Content-Security-Policy"); len(got) != 1 || got[0] != "default-src 'self'" {
		t.Errorf("%q", got)
	}
}

func TestUnchanged(t *testing.T) {
	var version atomic.Uint64
	s := state(slowPod())
	o := Options{State: func() (*State, uint64) { return s, version.Load() }}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/", "/?part=main", "/findings/" + s.Report.Findings[0].ID} {
		tag := ask(h, "GET", target).Header().Get("ETag")
		for _, sent := range []string{tag, "W/" + tag, `"x", ` + tag} {
			w := ask(h, "GET", target, "If-None-Match", sent)
			if w.Code != 304 || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
				t.Errorf("%s with %s: %d, %d bytes, ETag %s", target, sent, w.Code, w.Body.Len(), w.Header().Get("ETag"))
			}
		}
		version.Add(1)
		if w := ask(h, "GET", target, "If-None-Match", tag); w.Code != 200 {
			t.Errorf("%s of a new version: %d", target, w.Code)
		}
		other, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		tag = ask(h, "GET", target).Header().Get("ETag")
		if w := ask(other, "GET", target, "If-None-Match", tag); w.Code != 200 {
			t.Errorf("%s of another process: %d", target, w.Code)
		}
	}
	if w := ask(h, "GET", "/findings/gone", "If-None-Match", "*"); w.Code != 404 {
		t.Errorf("a finding that is gone: %d", w.Code)
	}
}

func TestHosts(t *testing.T) {
	h, err := New(Options{State: func() (*State, uint64) { return nil, 0 }, AllowedHosts: LoopbackHosts()})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:9504": 200, "127.0.0.1:9504": 200, "[::1]:9504": 200, "[::1]": 200,
		"evil.example": 421, "evil.example:9504": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
	if w := ask(handler(t, nil), "GET", "http://any.example/"); w.Code != 200 {
		t.Errorf("any host: %d", w.Code)
	}
}

func TestNoState(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no error")
	}
}

// TestManyReaders reads many pages at once while the state changes.
func TestManyReaders(t *testing.T) {
	var version atomic.Uint64
	s := fleet(100)
	h, err := New(Options{State: func() (*State, uint64) { return s, version.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 40 {
				target := fmt.Sprintf("/findings/%s?part=main", slugOf(s.Report.Findings[(i*40+j)%100].ID))
				if w := ask(h, "GET", target); w.Code != 200 {
					t.Errorf("%s: %d", target, w.Code)
				}
				if j%20 == 0 {
					version.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if len(h.pages) > maxPages {
		t.Errorf("%d pages are kept", len(h.pages))
	}
}
