package main

import "github.com/alecthomas/kingpin/v2"

func demoCommand(k *kingpin.Application) command {
	return command{clause: k.Command("demo", "todo")}
}
