// Package web is the live page: what `slowpod run` and `slowpod demo` show in a
// browser.
//
// It knows how a Report looks on a page. It must never know how findings are
// found, and it has no clock beyond the time that a State carries.
package web

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

// State is what a page shows. It is made by the caller and never changed
// after.
type State struct {
	Report *report.Report
	// Now is the event time up to which was judged; 0 while nothing was.
	Now report.Time
	// Behind is by how much Now trails the records that are there to be read;
	// 0 when caught up.
	Behind time.Duration
	// Sources says of each source, in a sentence, what it does; shown while
	// there is nothing to judge.
	Sources []string
	// Version is slowpod's own, for the foot of the page.
	Version string
}

// Options of a Handler.
type Options struct {
	// State returns the newest state and its version, which changes whenever
	// the state does. It is called for every request, so it should only load a
	// pointer; nil is a state without anything.
	State func() (*State, uint64)
	// AllowedHosts are the names, without port, that a request may be
	// addressed to; empty allows any. A listener on loopback should take
	// LoopbackHosts, so that no other site's name, pointed at it, can read it.
	AllowedHosts []string
}

// LoopbackHosts returns the names of a listener on loopback.
func LoopbackHosts() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// Handler serves the page at /, a single finding at /findings/ID, both in part
// with ?part=main, and what they need below /static/.
type Handler struct {
	state func() (*State, uint64)
	hosts map[string]bool
	// run is drawn once per Handler and is part of every ETag: versions start
	// anew with each process, and an answer of the last one must not look
	// unchanged.
	run    string
	tmpl   *template.Template
	assets *assets

	mu      sync.Mutex
	version uint64 // of pages
	pages   map[address][]byte
}

// address is one page of one version.
type address struct {
	finding string // its slug, empty for /
	part    bool
}

// maxPages bounds the pages kept: a version is rendered once per address,
// however many look at it.
const maxPages = 64

// New returns a Handler.
func New(o Options) (*Handler, error) {
	if o.State == nil {
		return nil, errors.New("web: no State")
	}
	tmpl, err := template.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	a, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	var run [6]byte
	rand.Read(run[:]) // never fails
	h := &Handler{
		state:  o.State,
		hosts:  map[string]bool{},
		run:    hex.EncodeToString(run[:]),
		tmpl:   tmpl,
		assets: a,
		pages:  map[address][]byte{},
	}
	for _, name := range o.AllowedHosts {
		h.hosts[strings.ToLower(strings.Trim(name, "[]"))] = true
	}
	return h, nil
}

// page returns the page at an address, rendered at most once per version, or
// nil when the state has no such finding.
func (h *Handler) page(s *State, version uint64, at address) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version != version || len(h.pages) >= maxPages {
		h.version = version
		clear(h.pages)
	}
	if body, ok := h.pages[at]; ok {
		return body, nil
	}
	v, ok := newView(s, at.finding)
	if !ok {
		return nil, nil
	}
	body, err := h.render(v, at)
	if err == nil {
		h.pages[at] = body
	}
	return body, err
}

func (h *Handler) render(v *view, at address) ([]byte, error) {
	v.Assets, v.CSS, v.JS = h.assets.version, h.assets.css, h.assets.js
	v.Home = "./"
	if at.finding != "" {
		v.Root, v.Home = "../", "../"
	}
	name := "page"
	if at.part {
		name = "part"
	}
	var b bytes.Buffer
	if err := h.tmpl.ExecuteTemplate(&b, name, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
