package web

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	offer(w, "Content-Security-Policy", policy)
	offer(w, "X-Content-Type-Options", "nosniff")
	offer(w, "Referrer-Policy", "no-referrer")
	offer(w, "Cross-Origin-Opener-Policy", "same-origin")
	switch {
	case !h.addressed(w, r):
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "only GET and HEAD")
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/static/"); ok {
		h.serveAsset(w, r, name)
		return
	}
	at := address{part: r.URL.Query().Get("part") == "main"}
	if r.URL.Path != "/" {
		id, ok := strings.CutPrefix(r.URL.Path, "/findings/")
		if !ok || !isSlug(id) {
			refuse(w, http.StatusNotFound, "no such page")
			return
		}
		at.finding = id
	}
	h.servePage(w, r, at)
}

// addressed says whether a request may be answered, by the name it was sent to,
// and refuses it if not.
func (h *Handler) addressed(w http.ResponseWriter, r *http.Request) bool {
	if len(h.hosts) == 0 || h.hosts[hostname(r.Host)] {
		return true
	}
	refuse(w, http.StatusMisdirectedRequest, "this listener answers only to its own name")
	return false
}

// Guard returns a handler that refuses what the page refuses by
// Options.AllowedHosts: for what is served beside the page.
func (h *Handler) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.addressed(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := h.assets.byName[name]
	if !ok {
		refuse(w, http.StatusNotFound, "no such page")
		return
	}
	offer(w, "Cache-Control", "public, max-age=31536000, immutable")
	answer(w, r, http.StatusOK, a.mime, a.body)
}

func (h *Handler) servePage(w http.ResponseWriter, r *http.Request, at address) {
	s, version := h.state()
	offer(w, "Cache-Control", "no-store")
	body, status := []byte(nil), http.StatusOK
	tag := `"` + h.run + "-" + strconv.FormatUint(version, 10) + `"`
	// A finding must still be there before its page can be called unchanged.
	if at.finding == "" && matches(r, tag) {
		notModified(w, tag)
		return
	}
	body, err := h.page(s, version, at)
	switch {
	case err == nil && body == nil:
		status = http.StatusNotFound
		body, err = h.render(goneView(s), at)
	case err == nil && matches(r, tag):
		notModified(w, tag)
		return
	case err == nil:
		w.Header().Set("ETag", tag)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the page could not be made")
		return
	}
	answer(w, r, status, "text/html; charset=utf-8", body)
}

func notModified(w http.ResponseWriter, tag string) {
	w.Header().Set("ETag", tag)
	w.WriteHeader(http.StatusNotModified)
}

// offer sets a header unless the operator already set it for the whole server.
func offer(w http.ResponseWriter, key, value string) {
	if _, set := w.Header()[http.CanonicalHeaderKey(key)]; !set {
		w.Header().Set(key, value)
	}
}

func answer(w http.ResponseWriter, r *http.Request, status int, mime string, body []byte) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error here is a reader that left
	}
}

func refuse(w http.ResponseWriter, status int, why string) {
	offer(w, "Cache-Control", "no-store")
	http.Error(w, why, status)
}

// matches tells whether If-None-Match names the tag. A proxy that compresses
// makes the tag weak; it still means the same page.
func matches(r *http.Request, tag string) bool {
	for _, line := range r.Header.Values("If-None-Match") {
		for one := range strings.SplitSeq(line, ",") {
			one = strings.TrimSpace(one)
			if one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// hostname is the host of a Host header: lower case, no port, no brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
