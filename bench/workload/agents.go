package workload

// browsers have long names.
func browsers() []*agent {
	return []*agent{
		plainAgent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"),
		plainAgent("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"),
		plainAgent("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
		plainAgent("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"),
		plainAgent("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36"),
	}
}

// oddAgents need escapes in JSON: those of quotes, backslashes and control
// bytes.
func oddAgents() []*agent {
	return []*agent{
		{json: `probe \"blue\"/1.0`, raw: `probe "blue"/1.0`},
		{json: `C:\\Tools\\fetch/2.4`, raw: `C:\Tools\fetch/2.4`},
		{json: `fetch/2.4\u0001`, raw: "fetch/2.4\x01"},
	}
}
