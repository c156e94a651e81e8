package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
)

func checkCommand(k *kingpin.Application) command {
	clause := k.Command("check", "Check a configuration file: tell every mistake, start nothing.").
		HelpLong("Example:\n  slowpod check --config.file=configs/slowpod.yml")
	file := clause.Flag("config.file", "The configuration file.").Required().PlaceHolder("FILE").String()
	return command{clause, func(_ context.Context, c console) error {
		if _, err := app.LoadConfig(*file); err != nil {
			return usageError{err}
		}
		_, err := fmt.Fprintf(c.stdout, "%s: fine\n", *file)
		return err
	}}
}
