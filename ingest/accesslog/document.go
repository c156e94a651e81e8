package accesslog

import "github.com/valyala/fastjson"

// document is one JSON object as fastjson reads it. A key that comes twice has its
// last value, as in encoding/json.
type document struct {
	parser fastjson.Parser
	fields
	// values are what the fields were made of: objects stay there.
	values [numKeys]*fastjson.Value
	// numbers are the bytes of the fields that are numbers.
	numbers []byte
	// headers are the values of an object of headers.
	headers [numKeys]*fastjson.Value
	// They are stored because a method value made per call would allocate.
	collect, collectHeader func(name []byte, v *fastjson.Value)
	// large says that the memory of the parser and of numbers may be beyond keepBytes.
	large bool
}

// keepBytes is the longest line whose memory is kept for the next. fastjson
// takes up to forty times a line's length for its values.
const keepBytes = 64 << 10

func newDocument() *document {
	d := &document{}
	d.collect = func(name []byte, v *fastjson.Value) {
		if k := keyOf(name); k != noKey {
			d.put(k, v)
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
		d.parser, d.numbers, d.large = fastjson.Parser{}, nil, false
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
	d.values, d.seen, d.numbers = [numKeys]*fastjson.Value{}, 0, d.numbers[:0]
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
		if k := key(k); header != nil && d.isNull(k) {
			d.put(k, header)
		}
	}
}

func (d *document) put(k key, v *fastjson.Value) {
	d.values[k] = v
	d.seen |= 1 << k
	s := &d.spans[k]
	switch v.Type() {
	case fastjson.TypeString:
		b, _ := v.StringBytes()
		s.setString(b)
	case fastjson.TypeNumber:
		n := len(d.numbers)
		d.numbers = v.MarshalTo(d.numbers)
		s.setNumber(d.numbers[n:], -1)
	case fastjson.TypeNull:
		s.kind = nullSpan
	default:
		s.kind = otherSpan
	}
}
