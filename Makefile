# `make demo` and `make test` are one command each on a fresh machine: they build .venv first.

PYTHON ?= python3
# Options for pip: where your package index has only torch builds with gigabytes of GPU packages,
# name PyTorch's index of CPU builds here (README.md, Install).
PIP_FLAGS ?=
FOLDER ?=
BENCH_FLAGS ?=
# Of golden: families or files by name, such as psnr4.
FAMILIES ?=
EXECUTIONS ?= 1000000

# Of train-balanced, train-fast and train-best: pictures, folder of the run, hours in all, device,
# checkpoint to begin with (none: train-balanced begins anew), more options of
# scripts/train_profile.py.
DATA ?=
OUT ?= runs/$(@:train-%=%)
HOURS ?= 8
DEVICE ?= auto
START ?=
TRAIN_FLAGS ?=

BIN := .venv/bin
STAMP := .venv/.complete
RAY_STAMP := .venv/.with-ray
NATIVE_STAMP := .venv/.native

.DEFAULT_GOAL := help
.PHONY: help setup native native-sanitize native-arm fuzz demo lint format types test test-browser test-ray test-all golden docs picture picture-table bench bench-batch bench-speed gallery train-balanced train-fast train-best clean check

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## Build .venv with everything for development

$(STAMP): pyproject.toml constraints.txt hatch_build.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	touch $@ $(NATIVE_STAMP)

$(NATIVE_STAMP): $(wildcard licodec/native/src/*) scripts/compile_native.py | $(STAMP)
	$(BIN)/python scripts/compile_native.py
	touch $@

$(RAY_STAMP): $(STAMP)
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e '.[ray]'
	touch $@

native: ## Build the native library in place, after a change in licodec/native/src
	$(PYTHON) scripts/compile_native.py

native-sanitize: $(STAMP) ## Run the tests of hostile files with a library that checks each access
	$(BIN)/python scripts/test_sanitized.py

native-arm: ## Compile the native library for aarch64 and check it under emulation
	scripts/check_arm.sh

fuzz: ## Fuzz the native library under sanitizers, EXECUTIONS=1000000 times
	scripts/fuzz_native.sh $(EXECUTIONS)

demo: $(STAMP) ## Compress a photograph and compare with JPEG, WebP and AVIF
	$(BIN)/python examples/demo.py

lint: $(STAMP) types ## Check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## Rewrite files in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## Check types
	$(BIN)/mypy

test: $(NATIVE_STAMP) ## Run the tests that need seconds
	$(BIN)/python -m pytest -m 'not slow and not browser and not ray'

test-browser: $(STAMP) ## Run the tests in Chromium, which must be installed
	$(BIN)/python -m pytest -m browser

test-ray: $(RAY_STAMP) ## Run the tests that start a local Ray cluster
	$(BIN)/python -m pytest -m ray tests/batch

test-all: $(NATIVE_STAMP) ## Run all tests but those in a browser and with Ray
	$(BIN)/python -m pytest -m 'not browser and not ray'

golden: $(STAMP) ## Remake the golden files (FAMILIES=: all); needs a line in the changelog
	$(BIN)/python -m tests.golden.make_golden $(FAMILIES)

docs: $(STAMP) ## Remake docs/cli.md from the commands' help
	$(BIN)/python docs/make_cli.py

picture: $(STAMP) ## Remake the picture in the README
	$(BIN)/python docs/make_picture.py

picture-table: $(STAMP) ## Remake the table of docs/pictures.md; needs avifenc, cjxl and cwebp
	$(BIN)/python docs/picture_table.py

bench: $(STAMP) ## Measure codecs on the pictures of FOLDER=...
	@test -n '$(FOLDER)' || { echo 'usage: make bench FOLDER=pictures [BENCH_FLAGS=...]' >&2; exit 2; }
	$(BIN)/licodec bench '$(FOLDER)' $(BENCH_FLAGS)

bench-batch: $(STAMP) ## Measure batches against single calls on the pictures of FOLDER=...
	@test -n '$(FOLDER)' || { echo 'usage: make bench-batch FOLDER=pictures [BENCH_FLAGS=...]' >&2; exit 2; }
	$(BIN)/python benchmarks/batch.py '$(FOLDER)' $(BENCH_FLAGS)

bench-speed: $(NATIVE_STAMP) ## Fail if coding takes more time or memory than it did (BENCH_FLAGS=--update stores it)
	$(BIN)/python benchmarks/speed.py $(BENCH_FLAGS)

gallery: $(STAMP) ## Remake docs/gallery from the pictures of FOLDER=...
	@test -n '$(FOLDER)' || { echo 'usage: make gallery FOLDER=pictures' >&2; exit 2; }
	$(BIN)/python benchmarks/gallery.py '$(FOLDER)' $(BENCH_FLAGS)

train-balanced: ## Train a family and its profile on DATA=... for HOURS=8
train-fast: ## Train `fast` of the installed family on DATA=...
train-best: ## Train `best` of the installed family on DATA=..., for a GPU
train-balanced train-fast train-best: $(STAMP)
	@test -n '$(DATA)' || { echo 'usage: make $@ DATA=pictures [OUT=$(OUT)] [HOURS=8] [DEVICE=auto] [START=checkpoint] [TRAIN_FLAGS=...]' >&2; exit 2; }
	$(BIN)/python scripts/train_profile.py $(@:train-%=%) $(DATA) -o '$(OUT)' --hours $(HOURS) --device $(DEVICE) $(if $(START),--start '$(START)') $(TRAIN_FLAGS)

clean: ## Remove .venv, caches and build products
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist licodec/native/_licodec.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check: lint test ## Everything that must pass before a commit
