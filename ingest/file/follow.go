package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// await waits at the end of f until there is something to read. It returns nil
// when f has grown; f, at its start, when it was truncated; and the new file
// when another one has taken the name and f has been quiet since.
//
// A name that is gone is waited for. A file that was truncated and within one
// poll has grown past where it was cannot be told from one that has grown: that
// is the price of truncating a log, which rotation by renaming does not ask.
func (r *reading) await(ctx context.Context, f *os.File) (next *os.File, err error) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	quiet, refused := 0, 0
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-poll.C:
		}
		fi, err := f.Stat()
		switch {
		case err != nil:
			return nil, failed(r.name, err)
		case fi.Size() > r.in.n:
			return nil, nil
		case fi.Size() < r.in.n:
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return nil, failed(r.name, err)
			}
			return f, nil
		}

		now, err := os.Stat(r.name)
		if err == nil && os.SameFile(fi, now) {
			quiet, refused = 0, 0
			continue
		}
		if quiet++; quiet < quietPolls {
			continue
		}
		next, err := open(r.name)
		if err == nil {
			return next, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			refused = 0
		} else if refused++; refused >= reopenPolls {
			return nil, err
		}
	}
}
