# SPDX-License-Identifier: MIT
# The short way to everything: a thin layer over Meson and Ninja, for GNU make.
#
#   BUILD    where to build (build)            PREFIX   where to install (/usr/local)
#   CC       the compiler, if not the system's  DESTDIR  a directory to install under, for packagers
#   SETUP    more arguments for meson setup, as SETUP='-Dio_uring=disabled'
#   ARGS     more arguments for scripts/bench, as ARGS='--rows yield2 --no-peers'

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SETUP ?=
ARGS ?=

NINJA := $(if $(shell command -v ninja),ninja,ninja-build)
configure = scripts/configure '$(BUILD)' $(SETUP)
ninja = $(NINJA) -C '$(BUILD)'
suite = scripts/run-suite '$(BUILD)'

.PHONY: all demo test test-all test-sanitizers fuzz check format bench bench-quick installed install \
	uninstall clean help

all: ## build the library and its programs
	@$(configure)
	@$(ninja)

demo: ## install what is missing, build, run the lesson's programs
	@./demo

test: all ## run the tests, the sweeps by samples
	@$(suite)

test-all: all ## run the tests, the sweeps at every point, see that they bite, count instructions
	@scripts/test-all '$(BUILD)'

test-sanitizers: ## run the tests under sanitizers, Valgrind and emulation
	@scripts/sanitizers.sh '$(BUILD)' all

fuzz: ## run what reads foreign input on inputs that are made up, a minute each
	@scripts/fuzz '$(BUILD)' 60

check: all ## format, layers, headers, symbols, docs, names, scripts, size, memory
	@scripts/check '$(BUILD)'

format: ## format the sources as `check` wants them
	@scripts/check-format --fix

bench: all ## run the benchmarks, ours and the peers'
	@scripts/check-size '$(BUILD)' || :
	@scripts/bench '$(BUILD)' $(ARGS)

bench-quick: all ## the same with small numbers, in under two minutes
	@scripts/bench '$(BUILD)' --quick $(ARGS)

installed: ## build what `install` installs
	@[ -f '$(BUILD)/build.ninja' ] || $(configure)
	@$(ninja) installed

install: ## install under PREFIX, in DESTDIR
	@[ -f '$(BUILD)/build.ninja' ] || $(configure)
	@meson configure '$(BUILD)' -Dprefix='$(PREFIX)'
	@$(ninja) installed
	@DESTDIR='$(DESTDIR)' meson install --no-rebuild -C '$(BUILD)'
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig

uninstall: ## remove what `install` installed
	@$(ninja) uninstall

clean: ## remove everything that was built
	@rm -rf '$(BUILD)' '$(BUILD)'-*

help: ## list the targets and the variables
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18
	@echo
	@sed -n 's/^#   \([A-Z].*\)/\1/p' Makefile
