package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

func versionCommand(app *kingpin.Application) command {
	return command{app.Command("version", "Say which slowpod this is."), func(_ context.Context, c console) error {
		_, err := fmt.Fprintln(c.stdout, version.Print("slowpod"))
		return err
	}}
}
