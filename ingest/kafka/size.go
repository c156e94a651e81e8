package kafka

import (
	"fmt"

	"github.com/alecthomas/units"
	"go.yaml.in/yaml/v3"
)

// Size is a number of bytes, written with its unit: 64MiB.
type Size int64

// UnmarshalYAML reads a size. A mistake is told with its line and does not keep
// the decoder from finding others.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	b, err := units.ParseBase2Bytes(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is no size, such as 64MiB", n.Line, n.Value)}}
	}
	*s = Size(b)
	return nil
}

// MarshalYAML writes a size as UnmarshalYAML reads it.
func (s Size) MarshalYAML() (any, error) { return s.String(), nil }

// String writes a size as a configuration has it.
func (s Size) String() string { return units.Base2Bytes(s).String() }
