# The face of the build; the work is done by meson and by scripts/.
BUILD ?= build
MESON_ARGS ?= -Dwerror=true
FUZZ_SECONDS ?= 60
export CCACHE_NOHASHDIR = 1
export CCACHE_DEPEND = 1

.PHONY: all build deps run check asan test fuzz lint format bench load interop requirements install clean help

all: build ## build everything (default)

deps: ## install the Debian packages that are missing
	@scripts/deps.sh

build: $(BUILD)/build.ninja ## build with gcc into build/
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/deps.sh build
	@meson setup $(BUILD) $(MESON_ARGS)

run: ## install what is missing, build, start an example instance and send a message through it
	@scripts/run.sh

check: ## install what is missing, build with gcc and clang, run all tests (the second time under ASan+UBSan), lint
	@scripts/check.sh

test: build ## run the tests of the plain build only
	@scripts/test.sh $(BUILD)

asan: ## the whole suite built by clang with ASan and UBSan
	@scripts/check.sh asan

fuzz: ## run each fuzz harness for FUZZ_SECONDS seconds (default 60)
	@scripts/fuzz.sh $(FUZZ_SECONDS)

lint: ## clang-format, clang-tidy, cppcheck, layering, banned functions, headers, longest files and functions
	@scripts/lint.sh

format: ## format all C files
	@git ls-files '*.c' '*.h' | xargs clang-format -i

bench: build ## measure against Postfix, Dovecot and slapd on this machine, in the same run
	@tests/bench/run.sh

load: ## what must hold under load: slow sessions, silent DNS, narrow destinations, a million messages, 10,000 connections (by hand, 8 minutes)
	@tests/load/run.sh

interop: build ## exchange mail with Postfix, Exim and OpenSMTPD (by hand, as root)
	@tests/interop/run.sh

requirements: ## check docs/requirements.md against the tests
	@scripts/requirements.py --check

install: build ## install below DESTDIR/PREFIX (default /usr/local)
	@meson install -C $(BUILD)

clean: ## remove the build folders
	rm -rf build build-asan build-fuzz

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
