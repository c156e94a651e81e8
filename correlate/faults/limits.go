package faults

import "github.com/slowpod/slowpod/correlate/kind"

// limit is when failures are worth a finding: so many within a time, lasting so
// long, and so large a share of what was asked of the subject meanwhile.
type limit struct {
	least  uint64
	within int64 // milliseconds
	lasts  int64 // from the first to the last, milliseconds
	share  float64
}

// A contradiction in configuration fails every request that meets it, so a few
// are enough, however many others go well. What a healthy mesh has at a low
// rate, because pods come and go, policies do their work and strangers try
// doors, needs a number and a share.
var limits = [kind.Kinds]limit{
	// Of a host that answers nearly all, the rest is no contradiction.
	kind.AppNotListening: {least: 3, within: minute, share: 0.05},
	// Whoever stops a pod while it is called has a second or two of these.
	kind.ProxyRefusing: {least: 3, within: minute, lasts: 5_000, share: 0.05},
	kind.StaleAddress:  {least: 3, within: minute, lasts: 5_000, share: 0.05},
	kind.StartRace:     {least: 3, within: window, share: 0.05},
	// The callers' proxies do not learn of a pod's end at the same instant.
	kind.Unavailable:    {least: 3, within: minute, share: 0.1},
	kind.ClusterMissing: {least: 3, within: minute},
	kind.EgressBlocked:  {least: 3, within: minute},
	kind.Passthrough:    {least: 5, within: minute},
	kind.MTLSMismatch:   {least: 3, within: minute},
	kind.Certificate:    {least: 3, within: minute},
	// Pages ask for icons that nobody has, and scanners for everything.
	kind.RouteMissing: {least: 10, within: minute, share: 0.1},
	// A breaker that opens for a moment did what it is for.
	kind.CircuitBreaker: {least: 10, within: minute, share: 0.01},
	kind.Throttled:      {least: 10, within: minute, share: 0.05},
	// Tokens expire, and some callers are not meant to come in.
	kind.AccessDenied:     {least: 10, within: minute, share: 0.05},
	kind.RetriesExhausted: {least: 10, within: minute, share: 0.05},
	// One in a thousand happens wherever connections are kept alive.
	kind.KeepaliveRace: {least: 6, within: window, share: 0.003},
	kind.TimeoutTooLow: {least: 10, within: minute, lasts: 30_000},
	kind.AppCrash:      {least: 3, within: minute, share: 0.01},
}

// eachHost are the kinds of which a host must have enough by itself: of pods
// that come and go, each has one or two.
var eachHost = [kind.Kinds]bool{
	kind.AppNotListening: true, kind.ProxyRefusing: true, kind.StaleAddress: true, kind.StartRace: true,
}

// Times in milliseconds.
const (
	minute = 60_000
	// window is how far back a diagnosis looks.
	window = 180_000
	// holdOff is how long a host that has never answered is given to do so,
	// and startsWithin how soon it must for its failures to be of its start.
	holdOff      = 60_000
	startsWithin = 120_000
	// A new host may refuse one and answer another for warmUp, and from
	// answerSkew after its first answer on; attemptSkew is how much later than
	// its last answer a first refusal may seem to have begun.
	warmUp      = 30_000
	answerSkew  = 15_000
	attemptSkew = 2_000
	// settled is how long nothing must have failed any more for a start to be
	// over.
	settled = 20_000
	// crashBefore is how long before an app refuses connections it may have
	// closed others for that to be one crash.
	crashBefore = 15_000
	// goneFor is how long an address must have been silent until whoever
	// still calls it is late; replacedWithin how near to the end of a pod
	// another must have come to have taken its place; opening is how long
	// after the first record nobody can be told to be new.
	goneFor        = 120_000
	replacedWithin = 120_000
	opening        = 60_000
	// over is how long nothing must have failed for an episode to be over, if
	// requests came that would have; silence how long where none came.
	over    = 60_000
	silence = 600_000
	// expected is how many failures would have been to be expected meanwhile.
	expected = 5
	// Of a name that nobody asks for any more, the same by the clock of the
	// records.
	overName     = 120_000
	expectedName = 20
	// oneTrouble is how long before a service was unavailable its hosts may
	// have begun to refuse for that to be the same trouble.
	oneTrouble = 180_000
)

// A run of failures is broken where none came for so long, in milliseconds, and
// for so many times what lies between two on average.
const (
	runGap   = 20_000
	runEmpty = 3
	// mostStrays is how many do not take an episode up again, after twice such
	// a time.
	mostStrays = 2
	strayGap   = 30_000
	strayEmpty = 6
	// Kinds that need so many are such as a healthy mesh has some of. So small a
	// share of what came per slice does not take them up, either.
	usual = 6
	fewer = 0.2
)

// A path that is asked for so often is no scanner's, and so must be this share.
const (
	repeatedPath  = 3
	repeatedShare = 0.5
)

// A share of closed connections above mostRaces, of leastRaces, is no race; bursts are so many
// in one second, and that share of their slice.
const (
	mostRaces  = 0.25
	leastRaces = 10
	burst      = 3
	burstShare = 0.6
)

// meaning says what a kind explains: the symptoms of the same service, and
// those of the same hosts only, that are part of the same trouble; and the kinds
// of episodes that turn out to be the same trouble, known better.
type meaning struct {
	explains, onHosts set
	supersedes        []kind.Kind
}

type set uint32

func of(all ...Symptom) (s set) {
	for _, one := range all {
		s |= 1 << one
	}
	return s
}

func (s set) has(one Symptom) bool { return s&(1<<one) != 0 }

var meanings = [kind.Kinds]meaning{
	kind.MTLSMismatch: {
		explains: of(LinkClosed, NoHealthyHost, RetriesUsedUp), onHosts: of(Refused, TLSFailed),
	},
	kind.Certificate: {
		explains: of(LinkClosed, NoHealthyHost, RetriesUsedUp), onHosts: of(Refused),
	},
	kind.AppCrash: {
		explains: of(NoHealthyHost, RetriesUsedUp, LinkClosed), onHosts: of(AppRefused, AppClosed, AppClosedIdle, Refused),
		supersedes: []kind.Kind{kind.AppNotListening, kind.KeepaliveRace},
	},
	kind.AppNotListening: {
		explains: of(NoHealthyHost, RetriesUsedUp, LinkClosed), onHosts: of(Refused, Unanswered, AppClosed, AppClosedIdle),
	},
	kind.Unavailable: {
		explains:   of(Refused, Unanswered, RetriesUsedUp),
		supersedes: []kind.Kind{kind.ProxyRefusing, kind.StaleAddress, kind.StartRace},
	},
	kind.StartRace: {
		explains: of(RetriesUsedUp), supersedes: []kind.Kind{kind.ProxyRefusing, kind.AppNotListening},
	},
	kind.StaleAddress:   {explains: of(RetriesUsedUp), supersedes: []kind.Kind{kind.ProxyRefusing}},
	kind.ProxyRefusing:  {explains: of(RetriesUsedUp)},
	kind.CircuitBreaker: {explains: of(RetriesUsedUp)},
	kind.Throttled:      {explains: of(RetriesUsedUp)},
	kind.AccessDenied:   {explains: of(RetriesUsedUp)},
	kind.KeepaliveRace:  {explains: of(RetriesUsedUp)},
}

// ranks is the order in which complaints are heard: what explains others first.
var ranks = []kind.Kind{
	kind.MTLSMismatch, kind.Certificate, kind.AppCrash, kind.AppNotListening, kind.Unavailable,
	kind.StartRace, kind.StaleAddress, kind.ProxyRefusing, kind.CircuitBreaker, kind.Throttled, kind.AccessDenied,
	kind.KeepaliveRace, kind.TimeoutTooLow, kind.RetriesExhausted,
	kind.ClusterMissing, kind.EgressBlocked, kind.RouteMissing, kind.Passthrough,
}
