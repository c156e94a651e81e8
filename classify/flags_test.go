package classify

import (
	"slices"
	"testing"
)

// coreFlags is the whole of Envoy's CORE_RESPONSE_FLAGS, in its order.
var coreFlags = []struct{ short, long string }{
	{"LH", "FailedLocalHealthCheck"},
	{"UH", "NoHealthyUpstream"},
	{"UT", "UpstreamRequestTimeout"},
	{"LR", "LocalReset"},
	{"UR", "UpstreamRemoteReset"},
	{"UF", "UpstreamConnectionFailure"},
	{"UC", "UpstreamConnectionTermination"},
	{"UO", "UpstreamOverflow"},
	{"NR", "NoRouteFound"},
	{"DI", "DelayInjected"},
	{"FI", "FaultInjected"},
	{"RL", "RateLimited"},
	{"UAEX", "UnauthorizedExternalService"},
	{"RLSE", "RateLimitServiceError"},
	{"DC", "DownstreamConnectionTermination"},
	{"URX", "UpstreamRetryLimitExceeded"},
	{"SI", "StreamIdleTimeout"},
	{"IH", "InvalidEnvoyRequestHeaders"},
	{"DPE", "DownstreamProtocolError"},
	{"UMSDR", "UpstreamMaxStreamDurationReached"},
	{"RFCF", "ResponseFromCacheFilter"},
	{"NFCF", "NoFilterConfigFound"},
	{"DT", "DurationTimeout"},
	{"UPE", "UpstreamProtocolError"},
	{"NC", "NoClusterFound"},
	{"OM", "OverloadManagerTerminated"},
	{"DF", "DnsResolutionFailed"},
	{"DO", "DropOverload"},
	{"DR", "DownstreamRemoteReset"},
	{"UDO", "UnconditionalDropOverload"},
}

func TestCoreFlags(t *testing.T) {
	if Flags != len(coreFlags) {
		t.Fatalf("%d flags, want the %d of Envoy", Flags, len(coreFlags))
	}
	for i, want := range coreFlags {
		f := Flag(i)
		if f.String() != want.short || f.Long() != want.long {
			t.Errorf("flag %d is %s, %s; want %s, %s", i, f, f.Long(), want.short, want.long)
		}
		for _, name := range []string{want.short, want.long} {
			s := ParseSet([]byte(name))
			if s != Of(f) || s.Custom() {
				t.Errorf("ParseSet(%s) = %b, want %b", name, s, Of(f))
			}
			for k := range Flags {
				if s.Has(Flag(k)) != (k == i) {
					t.Errorf("ParseSet(%s).Has(%s) = %v", name, Flag(k), s.Has(Flag(k)))
				}
			}
			if got := customNames(name); got != nil {
				t.Errorf("%s is a core flag, not the custom %q", name, got)
			}
		}
	}
}

func customNames(text string) (names []string) {
	EachCustom([]byte(text), func(name []byte) { names = append(names, string(name)) })
	return names
}

func coreNames(s Set) (names []string) {
	s.Each(func(f Flag) { names = append(names, f.String()) })
	return names
}

func TestParseSet(t *testing.T) {
	f := func(text string, core, custom []string) {
		t.Helper()
		s := ParseSet([]byte(text))
		if got := coreNames(s); !slices.Equal(got, core) {
			t.Errorf("ParseSet(%q) holds %q, want %q", text, got, core)
		}
		if got := customNames(text); !slices.Equal(got, custom) {
			t.Errorf("EachCustom(%q) names %q, want %q", text, got, custom)
		}
		if s.Custom() != (len(custom) > 0) {
			t.Errorf("ParseSet(%q).Custom() = %v", text, s.Custom())
		}
		if empty := len(core)+len(custom) == 0; (s == 0) != empty {
			t.Errorf("ParseSet(%q) = %b; empty should be %v", text, s, empty)
		}
	}
	// none
	f("-", nil, nil)
	f("", nil, nil)
	f(",", nil, nil)
	f("-,-", nil, nil)

	// one set, whatever the order: it changed with Envoy 1.30
	f("UF,URX", []string{"UF", "URX"}, nil)
	f("URX,UF", []string{"UF", "URX"}, nil)
	f("UT,URX", []string{"UT", "URX"}, nil)
	f("URX,UT", []string{"UT", "URX"}, nil)
	f("FI,DI", []string{"DI", "FI"}, nil)
	f("DI,FI", []string{"DI", "FI"}, nil)
	f("UpstreamRetryLimitExceeded,UpstreamConnectionFailure", []string{"UF", "URX"}, nil)
	f("UF,UpstreamRetryLimitExceeded", []string{"UF", "URX"}, nil)
	f("UF,UF", []string{"UF"}, nil)
	f("UF, URX", []string{"UF", "URX"}, nil)

	// flags of extensions are no error and keep their names
	f("XYZ", nil, []string{"XYZ"})
	f("XYZ,UF,ABC", []string{"UF"}, []string{"XYZ", "ABC"})
	f("DK", nil, []string{"DK"}) // no flag of Envoy
	f("uf", nil, []string{"uf"}) // names are exact
	f("UFX,U", nil, []string{"UFX", "U"})
}

func TestSet(t *testing.T) {
	s := Of(UF, URX)
	if !s.Has(UF) || !s.Has(URX) || s.Has(UT) {
		t.Errorf("Of(UF, URX) = %b", s)
	}
	if !s.Any(Of(UT, UF)) || s.Any(Of(UT, DC)) || s.Any(0) {
		t.Errorf("Any of %b is wrong", s)
	}
	if got := coreNames(ParseSet([]byte("UDO,XYZ,LH"))); !slices.Equal(got, []string{"LH", "UDO"}) {
		t.Errorf("Each gave %q", got)
	}
}
