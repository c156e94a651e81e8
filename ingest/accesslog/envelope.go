package accesslog

import "github.com/valyala/fastjson"

// readEnvelope notes what a wrapper says besides the entry: the time and the
// pod that wrote the line. A time that cannot be read is none.
func (p *Parser) readEnvelope(d *document, r *Record) {
	// The last one wins: "time" is the container runtime's own stamp, the
	// others may have lost digits.
	p.readTime(d.values[keyTimeOfCloud])
	p.readTime(d.values[keyDate])
	p.readTime(d.values[keyTimestamp])
	p.readTime(d.values[keyTime])
	if pod := stringOf(d.values[keyPodName]); pod != nil && r.Writer.Pod == nil {
		r.Writer.Pod, r.Writer.Namespace = pod, stringOf(d.values[keyPodNamespace])
	}
	p.writer.read(d.values[keyKubernetes], &r.Writer)
}

// readTime takes a string or a Unix time: all that Fluent Bit's json_date_format
// and timestamp_format offer.
func (p *Parser) readTime(v *fastjson.Value) {
	if v == nil {
		return
	}
	switch v.Type() {
	case fastjson.TypeString:
		b := stringOf(v)
		ms, ok := parseTime(b)
		if !ok {
			ms, ok = parseSQLTime(b)
		}
		p.setEnded(ms, ok)
	case fastjson.TypeNumber:
		p.setEnded(parseEpoch(p.rawNumber(v)))
	}
}

// piece is the key that says that Fluent Bit read a piece of a line and did not
// join it, noKey if none does.
func (d *document) piece() key {
	for _, k := range [...]key{keyPiece, keyPieceOld} {
		if string(stringOf(d.values[k])) == "P" {
			return k
		}
	}
	return noKey
}

// wrapped is the key of the line or object that the document wraps, noKey if
// there is none.
func (d *document) wrapped() key {
	for _, k := range [...]key{keyLog, keyMessage, keyProcessed, keyTextPayload, keyJSONPayload, keyBody, keyRaw} {
		v := d.values[k]
		if v != nil && (v.Type() == fastjson.TypeString || v.Type() == fastjson.TypeObject) {
			return k
		}
	}
	return noKey
}

// writerReader reads the kubernetes object of Fluent Bit's filter of that name
// (plugins/filter_kubernetes/kube_meta.c).
type writerReader struct {
	found Writer
	// Stored for the same reason as document.collect.
	visitObject, visitLabels func(name []byte, v *fastjson.Value)
}

func newWriterReader() *writerReader {
	w := &writerReader{}
	w.visitObject = w.object
	w.visitLabels = w.label
	return w
}

// read adds to the writer what the object says of it.
func (w *writerReader) read(v *fastjson.Value, to *Writer) {
	if v == nil || v.Type() != fastjson.TypeObject {
		return
	}
	w.found = Writer{}
	object, _ := v.Object()
	object.Visit(w.visitObject)
	for _, f := range [...]struct {
		to    *[]byte
		found []byte
	}{
		{&to.Namespace, w.found.Namespace},
		{&to.Pod, w.found.Pod},
		{&to.PodID, w.found.PodID},
		{&to.PodIP, w.found.PodIP},
		{&to.Node, w.found.Node},
		{&to.CanonicalName, w.found.CanonicalName},
		{&to.App, w.found.App},
	} {
		if f.found != nil {
			*f.to = f.found
		}
	}
}

func (w *writerReader) object(name []byte, v *fastjson.Value) {
	switch string(name) {
	case "namespace_name":
		w.found.Namespace = stringOf(v)
	case "pod_name":
		w.found.Pod = stringOf(v)
	case "pod_id":
		w.found.PodID = stringOf(v)
	case "pod_ip":
		w.found.PodIP = stringOf(v)
	case "host":
		w.found.Node = stringOf(v)
	case "labels":
		w.found.CanonicalName, w.found.App = nil, nil
		if v.Type() == fastjson.TypeObject {
			labels, _ := v.Object()
			labels.Visit(w.visitLabels)
		}
	}
}

func (w *writerReader) label(name []byte, v *fastjson.Value) {
	switch string(name) {
	case "service.istio.io/canonical-name":
		w.found.CanonicalName = stringOf(v)
	case "app":
		w.found.App = stringOf(v)
	}
}
