package main

// usageTemplate shows the commands with a line each, or one command with its
// long help, which holds an example.
const usageTemplate = `{{define "Synopsis" -}}
{{if .FlagSummary}} {{.FlagSummary}}{{end -}}
{{range .Args}} {{if not .Required}}[{{end}}{{.Name}}{{if .Value|IsCumulative}}...{{end}}{{if not .Required}}]{{end}}{{end -}}
{{end -}}

{{with .Context.SelectedCommand -}}
Usage: slowpod {{.Name}}{{template "Synopsis" .}}

{{.Help}}
{{if .HelpLong}}
{{.HelpLong}}
{{end}}
Flags:
{{$.Context.Flags|FlagsToTwoColumns|FormatTwoColumns -}}
{{else -}}
Usage: slowpod COMMAND [FLAGS] [FILE...]

{{.App.Help}}

Commands:
{{range .App.Commands}}{{if ne .Name "help"}}  {{printf "%-8s" .Name}} {{.Help}}
{{end}}{{end}}
See it work, without a broker or a cluster:
  slowpod demo

"slowpod COMMAND --help" tells more about a command.
{{end -}}
`
