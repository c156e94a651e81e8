package accesslog

// parseTime reads an RFC 3339 time into Unix milliseconds, further digits of
// the fraction cut off. It does what time.Parse(time.RFC3339, …) does without
// making a string, and is stricter in three places: the fraction has one to nine
// digits after a point (no comma), and the zone's hours end at 23 and its
// minutes at 59.
func parseTime(b []byte) (int64, bool) {
	const layout = "2006-01-02T15:04:05"
	if len(b) <= len(layout) || !hasTimeShape(b[:len(layout)]) {
		return 0, false
	}
	year, month, day := number(b[0:4]), number(b[5:7]), number(b[8:10])
	hour, minute, second := number(b[11:13]), number(b[14:16]), number(b[17:19])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}

	var ms int64
	b = b[len(layout):]
	if b[0] == '.' {
		n := digits(b[1:])
		if n < 1 || n > 9 {
			return 0, false
		}
		ms = milliseconds(b[1 : 1+n])
		b = b[1+n:]
	}
	offset, ok := parseZone(b)
	if !ok {
		return 0, false
	}
	seconds := daysSinceEpoch(year, month, day)*86400 + hour*3600 + minute*60 + second - offset
	return seconds*1000 + ms, true
}

// minute remembers the last minute that a time was in: those of a log are near
// each other.
type minute struct {
	text [len("2006-01-02T15:04")]byte
	ms   int64
}

// parseTime is parseTime.
func (m *minute) parseTime(b []byte) (int64, bool) {
	const layout = "2006-01-02T15:04:05.000Z" // %START_TIME%
	if len(b) != len(layout) || b[16] != ':' || b[19] != '.' || b[23] != 'Z' {
		return parseTime(b)
	}
	if string(b[:len(m.text)]) != string(m.text[:]) {
		ms, ok := parseTime(b)
		if ok {
			copy(m.text[:], b)
			m.ms = ms - number(b[17:19])*1000 - number(b[20:23])
		}
		return ms, ok
	}
	if digits(b[17:19]) != 2 || digits(b[20:23]) != 3 || b[17] > '5' {
		return 0, false
	}
	return m.ms + number(b[17:19])*1000 + number(b[20:23]), true
}

// parseSQLTime reads Fluent Bit's java_sql_timestamp, which is in UTC:
// "2006-01-02 15:04:05.000000".
func parseSQLTime(b []byte) (int64, bool) {
	const space = len("2006-01-02")
	var t [len("2006-01-02T15:04:05.000000000Z")]byte
	if len(b) <= space || b[space] != ' ' || len(b) >= len(t) {
		return 0, false
	}
	n := copy(t[:], b)
	t[space], t[n] = 'T', 'Z'
	return parseTime(t[:n+1])
}

// hasTimeShape reports whether b has digits and separators where
// "2006-01-02T15:04:05" has them; b may be shorter or longer.
func hasTimeShape(b []byte) bool {
	const layout = "0000-00-00T00:00:00"
	for i := 0; i < len(b) && i < len(layout); i++ {
		if layout[i] == '0' && !isDigit(b[i]) || layout[i] != '0' && layout[i] != b[i] {
			return false
		}
	}
	return true
}

// parseZone reads "Z" or ±hh:mm into seconds east of UTC.
func parseZone(b []byte) (int64, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != 6 || b[0] != '+' && b[0] != '-' || b[3] != ':' || digits(b[1:]) != 2 || digits(b[4:]) != 2 {
		return 0, false
	}
	hour, minute := number(b[1:3]), number(b[4:6])
	if hour > 23 || minute > 59 {
		return 0, false
	}
	offset := hour*3600 + minute*60
	if b[0] == '-' {
		return -offset, true
	}
	return offset, true
}

// number is the value of a short run of digits.
func number(b []byte) int64 {
	var n int64
	for _, c := range b {
		n = n*10 + int64(c-'0')
	}
	return n
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSinceEpoch counts the days from 1970-01-01 in the proleptic Gregorian
// calendar. Years begin in March, so that the leap day is the last of its year;
// an era is the 400 years (146,097 days) after which the calendar repeats.
func daysSinceEpoch(year, month, day int64) int64 {
	month -= 3
	if month < 0 {
		month += 12
		year--
	}
	year += 400 // year 0 has a January before its March; keep the era positive
	era, yearOfEra := year/400, year%400
	dayOfYear := (153*month+2)/5 + day - 1
	return (era-1)*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}
