# What people type. `make help` lists it.

GO       ?= go
BIN      := .cache/bin
LINT     := $(BIN)/golangci-lint
LINT_VERSION := v2.15.0
FUZZTIME ?= 30s
# The newest of its line that Maven Central has whole; 3.9.2 works as well.
KAFKA_VERSION ?= 4.3.1
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -X github.com/prometheus/common/version.Version=$(VERSION)

.DEFAULT_GOAL := build

## help: list the targets
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## build: build ./slowpod
build:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o slowpod ./cmd/slowpod

## test: run all tests under the race detector
test:
	$(GO) vet ./...
	$(GO) test -race -timeout 30m ./...

## race: the same, ten times, for what shows only now and then
race:
	$(GO) test -race -count=10 -timeout 2h ./cmd/... ./correlate/... ./ingest/... ./sinks/...

## lint: run the linters; they hold the direction of imports, too
lint: $(LINT)
	$(LINT) run ./...

$(LINT):
	GOBIN=$(abspath $(BIN)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

## fmt: format the code
fmt: $(LINT)
	$(LINT) fmt ./...

## fuzz: run every fuzz target for FUZZTIME (default 30s) each
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

## bench: how fast slowpod is, beside what else counts a log, against its limits; ONLY=kafka,stages, LINES=300000, ROUNDS=3, OUTPUT=bench/results/speed.md
bench:
	$(GO) run ./bench/speed $(if $(LINES),--lines=$(LINES)) $(if $(ROUNDS),--rounds=$(ROUNDS)) $(if $(ONLY),--only=$(ONLY)) $(if $(OUTPUT),--output=$(OUTPUT))

## bench-go: the benchmarks of single packages
bench-go:
	$(GO) test -run '^$$' -bench . -benchmem ./...

## soak: slowpod run on 10,000 pods for 100 million lines: its memory must stay flat; LINES=3000000, OUTPUT=bench/results/soak.md
soak:
	$(GO) run ./bench/soak $(if $(LINES),--lines=$(LINES)) $(if $(OUTPUT),--output=$(OUTPUT))

## fleet: simulated fleets against the limits that slowpod promises; FULL=1, BROKEN=1, ONLY=A12,A14, SEED=7, OUTPUT=bench/results/fleet.md
fleet:
	$(GO) run ./bench/fleet $(if $(FULL),--full) $(if $(BROKEN),--broken) $(if $(ONLY),--only=$(ONLY)) $(if $(SEED),--seed=$(SEED)) $(if $(OUTPUT),--output=$(OUTPUT))

## demo: a simulated mesh with one slow pod, live page and metrics, no broker
demo:
	$(GO) run ./cmd/slowpod demo

## e2e: test on a real Kafka (KAFKA_VERSION), Prometheus and Alertmanager; installs nothing
e2e: e2e-servers
	PROMTOOL=$(abspath .cache/debian/usr/bin/promtool) $(GO) test -count=1 -run Promtool ./configs
	KAFKA_VERSION=$(KAFKA_VERSION) $(GO) test -tags e2e -count=1 -timeout 30m ./bench/e2e

## e2e-servers: fetch these servers into .cache
e2e-servers:
	bench/e2e/prepare.sh $(KAFKA_VERSION)

## servers: a Kafka and an Alertmanager on localhost to try slowpod on, until Ctrl-C
servers: e2e-servers
	bench/e2e/servers.sh $(KAFKA_VERSION)

.PHONY: help build test race lint fmt fuzz bench bench-go soak fleet demo e2e e2e-servers servers
