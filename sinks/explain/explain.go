// Package explain tells in text what the table of causes says of a record, of
// the two sides of a call, or of flags that are given by hand.
//
// It knows how a row of the table is told to a person in a terminal. It must
// never know a cause of its own: all of them are in classify/causes.
package explain

import (
	"bytes"
	"fmt"
	"time"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// maxKept bounds the records that are kept to be paired, each with each at
// worst.
const maxKept = 2000

// Entries are records to explain. Those that mean the same are explained once.
type Entries struct {
	table *causes.Table

	groups []*group // in the order of their first record
	byKey  map[string]*group
	kept   []kept
	beyond int // records that were not kept
}

// group is records of one row with the same words.
type group struct {
	row   *causes.Row
	facts causes.Facts
	words []causes.Word
	names causes.Names
	line  string // what the first of them says, in short
	count int
	alone bool // some of them are not known to be one side of a call
}

// kept is a record that may be one side of a call.
type kept struct {
	group  *group
	facts  causes.Facts
	names  causes.Names
	record correlate.Record
	bytes  []byte // what record borrows from
	paired bool   // it is one side of a call
}

// NewEntries returns no entries.
func NewEntries(t *causes.Table) *Entries {
	return &Entries{table: t, byKey: map[string]*group{}}
}

// Add takes a record; it keeps nothing that is borrowed.
func (e *Entries) Add(r *accesslog.Record) {
	c := classify.Classify(r)
	f := causes.FactsOf(r, &c)
	f.Details, f.Reason, f.Termination = bytes.Clone(f.Details), bytes.Clone(f.Reason), bytes.Clone(f.Termination)
	f.Cluster, f.Route = bytes.Clone(f.Cluster), bytes.Clone(f.Route)
	f.UpstreamHost, f.UpstreamLocal = bytes.Clone(f.UpstreamHost), bytes.Clone(f.UpstreamLocal)
	names := namesOf(r, &c)
	g := e.group(&f, r, &c, names)
	g.count++
	if len(e.kept) == maxKept {
		e.beyond++
		g.alone = true
		return
	}
	k := kept{group: g, facts: f, names: names}
	var record correlate.Record
	record.From(r, c, 0, int64(len(e.kept)))
	k.bytes = record.AppendTo(nil, nil)
	if err := k.record.Decode(k.bytes, nil); err != nil {
		panic(err) // it was just encoded
	}
	e.kept = append(e.kept, k)
}

// maxGroups bounds how many different records are explained: unknown words are
// part of what makes them different, and anybody can write those.
const maxGroups = 1000

func (e *Entries) group(f *causes.Facts, r *accesslog.Record, c *classify.Class, names causes.Names) *group {
	row := e.table.Row(f)
	words := e.table.Words(f, r.Flags)
	key := fmt.Sprint(c.Side, row != nil)
	if row != nil {
		key += row.ID
	}
	for _, w := range words {
		if row == nil || w.Means == "" {
			key += "\x00" + w.Field + "\x00" + w.Text
		}
	}
	if g := e.byKey[key]; g != nil {
		return g
	}
	if len(e.groups) == maxGroups {
		return e.groups[maxGroups-1]
	}
	g := &group{row: row, facts: *f, words: words, names: names, line: inShort(r, c)}
	e.byKey[key] = g
	e.groups = append(e.groups, g)
	return g
}

// call is two records that are the sides of one call.
type call struct {
	client, server *kept
	verdict        correlate.Verdict
	key            correlate.Key
	pair           *causes.Pair
	count          int
}

// calls finds the sides of calls, each client's record with each server's, and
// returns one call for each meaning, in the order of its first record. Of more
// than two lines, calls of which nothing went wrong are left out.
func (e *Entries) calls() []*call {
	byID := map[string][]*kept{} // server records
	for i := range e.kept {
		if k := &e.kept[i]; k.facts.Side == classify.Server {
			byID[maskedID(k.record.RequestID)] = append(byID[maskedID(k.record.RequestID)], k)
		}
	}
	var calls []*call
	byPair := map[*causes.Pair]*call{}
	for i := range e.kept {
		client := &e.kept[i]
		if client.facts.Side != classify.Client {
			continue
		}
		candidates := byID[maskedID(client.record.RequestID)]
		if len(client.record.RequestID) > 0 {
			candidates = append(candidates[:len(candidates):len(candidates)], byID[""]...)
		}
		for _, server := range candidates {
			verdict, key, ok := correlate.Pair(&client.record, &server.record)
			if !ok || len(e.kept) > 2 && !client.record.Half && !server.record.Half {
				continue
			}
			pair := e.table.Pair(verdict.String(), &client.facts, &server.facts)
			if pair == nil {
				continue
			}
			client.paired, server.paired = true, true
			if byPair[pair] == nil {
				byPair[pair] = &call{client: client, server: server, verdict: verdict, key: key, pair: pair}
				calls = append(calls, byPair[pair])
			}
			byPair[pair].count++
		}
	}
	return calls
}

// maskedID is a request id without what proxies rewrite: index 14 of a UUID.
func maskedID(id []byte) string {
	if len(id) == 36 && id[8] == '-' && id[13] == '-' {
		return string(id[:14]) + string(id[15:])
	}
	return string(id)
}

// namesOf is what a record gives to commands.
func namesOf(r *accesslog.Record, c *classify.Class) causes.Names {
	target := classify.TargetOf(r, c.Side)
	fqdn := string(target.Service)
	n := causes.Names{
		FQDN: fqdn, Subset: string(target.Subset), Authority: string(r.Authority), Namespace: classify.Namespace(fqdn),
		RequestID: string(r.RequestID),
		Since:     time.UnixMilli(r.Start).UTC().Format(time.RFC3339),
	}
	if n.Namespace != "" {
		service, _, _ := bytes.Cut(target.Service, []byte{'.'})
		n.Service = string(service)
	}
	if c.Side != classify.Server {
		n.Host, n.CallerHost = string(r.UpstreamHost), string(r.UpstreamLocal)
		n.Caller, n.CallerNamespace = string(r.Writer.Pod), string(r.Writer.Namespace)
		return n
	}
	n.Host, n.CallerHost = string(r.DownstreamLocal), string(r.DownstreamPeer)
	n.Pod, n.Node = string(r.Writer.Pod), string(r.Writer.Node)
	if r.Writer.Namespace != nil {
		n.Namespace = string(r.Writer.Namespace)
	}
	return n
}

// both puts together what the two sides of a call give to commands.
func both(client, server causes.Names) causes.Names {
	n := server
	n.Caller, n.CallerNamespace, n.CallerHost = client.Caller, client.CallerNamespace, client.CallerHost
	if client.FQDN != "" {
		n.FQDN, n.Service, n.Subset = client.FQDN, client.Service, client.Subset
	}
	if n.Namespace == "" {
		n.Namespace = client.Namespace
	}
	return n
}

// inShort is what a record says, as people write it to each other.
func inShort(r *accesslog.Record, c *classify.Class) string {
	flags, details := "-", ""
	if r.Flags != nil {
		flags = string(r.Flags)
	}
	if r.Details != nil {
		details = " " + string(r.Details)
	}
	host := r.UpstreamHost
	if c.Side == classify.Server {
		host = r.DownstreamLocal
	}
	s := fmt.Sprintf("%d %s%s, %d ms, outcome %s", r.Code, flags, details, r.Duration, c.Outcome)
	if t := classify.TargetOf(r, c.Side); t.Service != nil {
		s += ", service " + string(t.Service)
	}
	if host != nil {
		s += ", upstream host " + string(host)
	}
	return s
}
