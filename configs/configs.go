// Package configs holds the files that ship for operators, so that tests and
// commands see exactly those.
package configs

import _ "embed"

// Slowpod is slowpod.yml: every option with its default.
//
//go:embed slowpod.yml
var Slowpod []byte
