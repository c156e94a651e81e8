package logstream

// Times are in milliseconds.
const (
	// epochLen is how much of the log is looked at: the last whole epoch, and
	// the one before it.
	epochLen = 300_000
	// leastSpan is how long a log must be until its first epoch is looked at.
	leastSpan = 60_000
	// pairsWait is how long a record waits for the other side's: as long as a
	// half, at most.
	pairsWait = 180_000
	// oneEpisode is how soon after its end a fault is the same one again.
	oneEpisode = 3_600_000

	endOfLog = 1<<63 - 1
)

// From when on something is said. Each is a finding for a person, who has to
// look at settings; so it needs a number that chance does not bring, and a
// share that a whole log does not have.
const (
	// leastRequests of a side: the fewest from which a share says anything.
	leastRequests = 50

	// one_sided: none at all of the other side. A service that both log is never
	// without one of 50 that it answered; where all were refused, or its name
	// leads nowhere, there is nothing that it could log.

	// errors_only: some services answered, with errors, and as good as nothing
	// went well. A service that fails altogether while its siblings answer is no
	// filter; and where nothing is answered at all, it may be the mesh that is
	// down. Were every answer of every service an error, this would be said,
	// too: no log could tell.
	mostOK          = 0.005
	leastRefused    = 10
	leastAnswering  = 2
	leastAnswerings = 2 // errors that the application of such a service answered with

	// sampled: of the requests that went well by one side's word, while the other
	// logged before and after, this share is not in the other's log. A whole
	// log lacks next to none: those that were being shipped when it was cut. A
	// service of which all are lacking is none of it: its requests are mirrored,
	// or get another id on their way.
	leastLacking = 0.2

	// code_0_filtered: so many timeouts of which pods that log know nothing,
	// and no record of code 0 from any pod. One pod alone may be cut off, so
	// that none of these requests reached it; then callers at least log code 0,
	// for some of them leave.
	leastLost   = 20
	leastServed = leastRequests
	// Of requests that their callers cut, few are answered at that very moment.
	mostLate = 0.25

	// fields_missing: a format of some proxies lacks them. Single requests lack
	// one or the other in any log.
	leastMissing = 0.2
	// Short requests take 0 ms; only a log without durations has none other.
	leastTimeless = 0.999

	// skew: clocks that are synchronised differ by milliseconds; a second
	// breaks the join by connection and time. Of the pairs that a wrong clock
	// is part of, all say so; of those of a right one, those with the wrong one.
	mostSkew    = 1_000
	leastPairs  = 20
	leastSkewed = 0.6
	endsWithin  = 100 // two ends of a cut call agree as well as that

	// duplicates: a crash of a shipper brings some lines again; two shippers
	// bring all of them twice.
	leastTwice = 0.05
)

// How much is kept.
const (
	maxEntries  = 1 << 14 // records that wait for the other side's
	maxSameCall = 64      // of these, of one request id at one host, that are looked at
	maxCallers  = 1 << 14
	maxClocks   = 4096
	// From how many on all are forgotten when an epoch ends: callers, and clocks
	// where no nodes are known, are pods', and these come and go.
	callersToMend = maxCallers * 3 / 4
	clocksToMend  = maxClocks * 3 / 4
)
