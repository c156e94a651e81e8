package causes

import "testing"

func TestBuiltin(t *testing.T) {
	if _, err := load(files); err != nil {
		t.Error(err)
	}
}
