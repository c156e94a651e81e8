package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
)

//go:embed static templates
var files embed.FS

// assets are the files below /static/, each under a name that holds the hash of
// its bytes, so that a browser may keep it for ever.
type assets struct {
	css, js string // the names
	version string // of these and the templates together
	byName  map[string]asset
}

type asset struct {
	mime string
	body []byte
}

func loadAssets() (*assets, error) {
	a := &assets{byName: map[string]asset{}}
	all := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		all.Write(body)
		if path.Dir(name) != "static" {
			return nil
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(path.Base(name), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		switch ext {
		case ".css":
			a.css = hashed
			a.byName[hashed] = asset{"text/css; charset=utf-8", body}
		case ".js":
			a.js = hashed
			a.byName[hashed] = asset{"text/javascript; charset=utf-8", body}
		}
		return nil
	})
	a.version = hex.EncodeToString(all.Sum(nil)[:6])
	return a, err
}
