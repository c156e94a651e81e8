package accesslog

import "github.com/valyala/fastjson"

// readEnvelope notes the pod that a wrapper says wrote the line.
func (p *Parser) readEnvelope(d *document, r *Record) {
	if pod := d.text(keyPodName); pod != nil && r.Writer.Pod == nil {
		r.Writer.Pod, r.Writer.Namespace = pod, d.text(keyPodNamespace)
	}
	p.writer.read(d.values[keyKubernetes], &r.Writer)
}

// readTimes notes the time of an envelope: a string or a Unix time, all that Fluent
// Bit's json_date_format and timestamp_format offer. One that cannot be read is
// none.
func (p *Parser) readTimes(f *fields) {
	// The last one wins: "time" is the container runtime's own stamp, the
	// others may have lost digits.
	for _, k := range [...]key{keyTimeOfCloud, keyDate, keyTimestamp, keyTime} {
		if !f.has(k) {
			continue
		}
		switch s := &f.spans[k]; s.kind {
		case stringSpan:
			ms, ok := parseTime(s.bytes)
			if !ok {
				ms, ok = parseSQLTime(s.bytes)
			}
			p.setEnded(ms, ok)
		case numberSpan:
			p.setEnded(parseEpoch(s.bytes))
		}
	}
}

// piece is the key that says that Fluent Bit read a piece of a line and did not
// join it, noKey if none does.
func (f *fields) piece() key {
	for _, k := range [...]key{keyPiece, keyPieceOld} {
		if string(f.text(k)) == "P" {
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
	if to := w.found.field(name); to != nil {
		*to = stringOf(v)
	} else if string(name) == "labels" {
		w.found.CanonicalName, w.found.App = nil, nil
		if v.Type() == fastjson.TypeObject {
			labels, _ := v.Object()
			labels.Visit(w.visitLabels)
		}
	}
}

func (w *writerReader) label(name []byte, v *fastjson.Value) {
	if to := w.found.label(name); to != nil {
		*to = stringOf(v)
	}
}

// stringOf is the string v, nil if it is none or stands for no value.
func stringOf(v *fastjson.Value) []byte {
	b, _ := v.StringBytes()
	return value(b)
}

// field is where a value of Fluent Bit's kubernetes object goes, nil where nowhere.
func (w *Writer) field(name []byte) *[]byte {
	switch string(name) {
	case "namespace_name":
		return &w.Namespace
	case "pod_name":
		return &w.Pod
	case "pod_id":
		return &w.PodID
	case "pod_ip":
		return &w.PodIP
	case "host":
		return &w.Node
	}
	return nil
}

// label is where one of its labels goes, nil where nowhere.
func (w *Writer) label(name []byte) *[]byte {
	switch string(name) {
	case "service.istio.io/canonical-name":
		return &w.CanonicalName
	case "app":
		return &w.App
	}
	return nil
}
