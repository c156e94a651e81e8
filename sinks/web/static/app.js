// Keeps the page at the newest state, copies commands, moves by keys. The page
// can be read in full without it.
(function () {
  "use strict";
  var root = document.documentElement, waits = [5, 10, 20, 30];
  var etag = "", pending = null, timer = 0, busy = false, failed = 0;
  root.classList.add("js");

  function id(x) { return document.getElementById(x); }
  function say(text) { id("say").textContent = text; }

  // Whether somebody is at work in an element: it must not change under them.
  function held(el) {
    var at = document.activeElement, s = getSelection();
    return (at && at !== document.body && el.contains(at)) ||
      (s.rangeCount > 0 && !s.isCollapsed && s.getRangeAt(0).intersectsNode(el)) ||
      el.querySelector("details[open]") !== null;
  }

  // Makes the children of old those of fresh, by id; what is unchanged stays
  // the same node. Returns whether something held had to stay as it was.
  function merge(old, fresh) {
    var kept = false, byId = {}, want = {}, next = [].slice.call(fresh.children);
    next.forEach(function (n) { want[n.id] = true; });
    [].slice.call(old.children).forEach(function (o) {
      if (want[o.id]) byId[o.id] = o;
      else if (held(o)) kept = true;
      else o.remove();
    });
    var at = old.firstElementChild;
    next.forEach(function (n) {
      var o = byId[n.id];
      if (!o) { old.insertBefore(document.importNode(n, true), at); return; }
      if (o === at) at = at.nextElementSibling;
      else if (held(o)) kept = true;
      else old.insertBefore(o, at);
      if (n.hasAttribute("data-list")) kept = merge(o, n) || kept;
      else if (o.dataset.v === n.dataset.v) return;
      else if (held(o)) kept = true;
      else o.replaceWith(document.importNode(n, true));
    });
    return kept;
  }

  function listed() {
    return [].map.call(document.querySelectorAll("#open > li"), function (li) { return li.id; });
  }

  function show(fresh) {
    if (fresh.dataset.assets !== id("part").dataset.assets) { location.reload(); return; }
    var before = listed();
    pending = merge(id("part"), fresh) ? fresh : null;
    var added = listed().filter(function (x) { return before.indexOf(x) < 0; }).length;
    if (added) say(added === 1 ? "1 new finding" : added + " new findings");
    today();
    var h = document.querySelector("main h1");
    if (h) document.title = h.textContent + " | slowpod";
  }

  // The day is said only where it is not today's.
  function today() {
    var t = document.querySelector("#live time");
    root.classList.toggle("today", !!t && t.dateTime.slice(0, 10) === new Date().toISOString().slice(0, 10));
  }

  function lost() {
    if (failed++ === 0) {
      var text = "not connected since " + new Date().toISOString().slice(11, 19) + " UTC";
      id("lost").lastElementChild.textContent = text + ", trying again";
      root.classList.add("lost");
      say(text);
    }
  }

  function found() {
    if (failed) { failed = 0; root.classList.remove("lost"); say("connected again"); }
  }

  function ask() {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    var stop = new AbortController(), limit = setTimeout(function () { stop.abort(); }, 10000);
    fetch(location.pathname + "?part=main", {
      cache: "no-store", signal: stop.signal, headers: etag ? { "If-None-Match": etag } : {}
    }).then(function (r) {
      if (r.status === 304) return null;
      if (!r.ok && r.status !== 404) throw new Error(r.status);
      return r.text().then(function (text) {
        var part = new DOMParser().parseFromString(text, "text/html").getElementById("part");
        if (!part) throw new Error("another page");
        etag = r.headers.get("ETag") || "";
        return part;
      });
    }).then(function (part) {
      found();
      if (part || pending) show(part || pending);
    }).catch(lost).then(function () {
      busy = false;
      clearTimeout(limit);
      timer = setTimeout(ask, 1000 * waits[Math.min(Math.max(failed - 1, 0), waits.length - 1)]);
    });
  }

  function select(el) {
    var r = document.createRange(), s = getSelection();
    r.selectNodeContents(el);
    s.removeAllRanges();
    s.addRange(r);
  }

  function copy(button) {
    var code = id(button.dataset.for);
    function done(word) {
      button.textContent = word;
      button.classList.add("done");
      setTimeout(function () { button.textContent = "Copy"; button.classList.remove("done"); }, 1400);
    }
    function instead() { select(code); done("Selected"); }
    // Plain HTTP has no clipboard.
    if (!navigator.clipboard) return instead();
    navigator.clipboard.writeText(code.textContent).then(function () { done("Copied"); }, instead);
  }

  function findings() { return [].slice.call(document.querySelectorAll(".finding")); }

  // The finding that is being read: the one whose top is nearest.
  function reading(all) {
    var far = all.map(function (f) { return Math.abs(f.getBoundingClientRect().top - 56); });
    return far.indexOf(Math.min.apply(null, far));
  }

  function key(e) {
    if (e.metaKey || e.ctrlKey || e.altKey || e.target.closest("input, textarea, select")) return;
    var all = findings(), at = reading(all);
    if (e.key === "j" || e.key === "k") {
      var to = all[at + (e.key === "j" ? 1 : -1)];
      if (to) { to.focus({ preventScroll: true }); to.scrollIntoView(); }
    } else if (e.key === "c") {
      var button = all[at] && all[at].querySelector(".copy");
      if (button) copy(button);
    } else if (e.key === "?") {
      id("keys").open = !id("keys").open;
      id("keys").scrollIntoView();
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.addEventListener("click", function (e) {
      var button = e.target.closest(".copy");
      if (button) copy(button);
    });
    document.addEventListener("keydown", key);
    document.addEventListener("visibilitychange", function () { if (!document.hidden) ask(); });
    today();
    timer = setTimeout(ask, 1000 * waits[0]);
  });
})();
