// Package workload writes access logs of a simulated mesh, both sides of every
// call, together with the truth about them.
//
// It is deterministic: one seed gives the same bytes. It knows how proxies
// write and what goes wrong in a mesh; it must never know how slowpod reads or
// judges, so that its truth is a second opinion.
package workload
