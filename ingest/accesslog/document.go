package accesslog

import "github.com/valyala/fastjson"

// document is one JSON object: its values by key. A key that comes twice has
// its last value, as in encoding/json.
type document struct {
	parser fastjson.Parser
	values [numKeys]*fastjson.Value
	// headers are the values of an object of headers.
	headers [numKeys]*fastjson.Value
	// They are stored because a method value made per call would allocate.
	collect, collectHeader func(name []byte, v *fastjson.Value)
	// large says that the parser's memory grew beyond keepBytes.
	large bool
}

// keepBytes is the longest line whose memory is kept for the next. fastjson
// takes up to forty times a line's length for its values.
const keepBytes = 64 << 10

func newDocument() *document {
	d := &document{}
	d.collect = func(name []byte, v *fastjson.Value) {
		if k := keyOf(name); k != noKey {
			d.values[k] = v
		}
	}
	d.collectHeader = func(name []byte, v *fastjson.Value) {
		if k := keyOf(name); k.ofHeader() {
			d.headers[k] = v
		}
	}
	return d
}

// parse reads b, which begins with "{", as one JSON object, as strictly as
// encoding/json does. What is still taken that encoding/json takes otherwise:
// bytes that are not UTF-8 and halves of surrogate pairs stay as they are
// instead of becoming U+FFFD. Nesting deeper than fastjson.MaxDepth is refused.
// Without an object, fault is where b stops being one.
func (d *document) parse(b []byte) (object *fastjson.Object, fault int) {
	if fault := jsonFault(b); fault >= 0 {
		return nil, fault
	}
	if d.large {
		d.parser, d.large = fastjson.Parser{}, false
	}
	d.large = len(b) > keepBytes
	v, err := d.parser.ParseBytes(b)
	if err != nil {
		return nil, 0
	}
	object, _ = v.Object()
	return object, -1
}

// set makes the values of the object those of the document. A header in an
// object of headers counts where the object itself does not have it.
func (d *document) set(object *fastjson.Object) {
	d.values = [numKeys]*fastjson.Value{}
	object.Visit(d.collect)
	for _, k := range [...]key{keyRequestHeaders, keyResponseHeaders} {
		if v := d.values[k]; v != nil && v.Type() == fastjson.TypeObject {
			d.setHeaders(v)
		}
	}
}

func (d *document) setHeaders(v *fastjson.Value) {
	d.headers = [numKeys]*fastjson.Value{}
	object, _ := v.Object()
	object.Visit(d.collectHeader)
	for k, header := range d.headers {
		if header != nil && isNull(d.values[k]) {
			d.values[k] = header
		}
	}
}

// has says that the key is there, whatever its value.
func (d *document) has(k key) bool { return d.values[k] != nil }

// text is the string under the first of the keys that has one. A value that is
// no string is none.
func (d *document) text(keys ...key) []byte {
	for _, k := range keys {
		if b := stringOf(d.values[k]); b != nil {
			return b
		}
	}
	return nil
}

// isNull says that the value is absent, null, "" or "-".
func isNull(v *fastjson.Value) bool {
	return v == nil || v.Type() == fastjson.TypeNull ||
		v.Type() == fastjson.TypeString && stringOf(v) == nil
}

// stringOf is the string v, nil if it is none or stands for no value.
func stringOf(v *fastjson.Value) []byte {
	if v == nil || v.Type() != fastjson.TypeString {
		return nil
	}
	b, _ := v.StringBytes()
	return value(b)
}
