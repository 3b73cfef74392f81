# Everything a person or a machine does with this checkout. `make` lists it.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

.PHONY: help run try test lint check peers golden bench soak soak-bpf guest kubelet kernels fuzz bpf native-asan dashboards lock screenshot clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

run: ## set everything up and run the agent on this host, until Ctrl-C
	@deploy/setup.sh run
	@$(PYTHON) deploy/run.py

try: ## the same without a person: start, check page and log file, stop
	@deploy/setup.sh run
	@$(PYTHON) deploy/run.py --check

test: ## the whole test suite, host tests included where the host can
	@deploy/setup.sh test
	@# Host tests share one daemon of each kind, and measure: one by one, alone on the machine.
	@status=0; $(PYTHON) -m pytest -m "not host" -n auto --maxprocesses=8 --dist=loadfile || status=$$?; \
		$(PYTHON) -m pytest -m host && exit $$status

lint: ## ruff and mypy
	@deploy/setup.sh test
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

check: lint ## lint, and whether generated files are up to date
	@$(PYTHON) -m dashboards.build --check
	@$(PYTHON) -m exporters.prometheus.document --check

peers: ## log destinations against real servers; builds a collector and a GELF reader (Go) once
	@deploy/setup.sh test
	@mkdir -p .run/peers
	@for peer in otelcol gelf; do \
		go -C tests/host/$${peer}_server build -o $(CURDIR)/.run/peers/$${peer} . || \
			echo "peers: going on without $$peer" >&2; \
	done
	@PATH="$(CURDIR)/.run/peers:$$PATH" $(PYTHON) -m pytest -q tests/host/test_opensearch.py \
		tests/host/test_otelcol.py tests/host/test_gelf.py tests/host/test_loki.py

golden: ## rewrite the golden files; look at the diff before you commit it
	@deploy/setup.sh test
	@UPDATE_GOLDEN=1 $(PYTHON) -m pytest -q tests

bench: ## the benchmarks; each prints a table
	@deploy/setup.sh test
	@for bench in tests/bench/*.py; do echo "== $$bench"; PYTHONPATH=. $(PYTHON) $$bench || exit 1; done

soak: ## the log pipeline's torture run and rotation at speed, at full length (5 minutes)
	@deploy/setup.sh test
	@TORTURE_SEEDS=$${TORTURE_SEEDS:-0:5000} ROTATION_SECONDS=60 $(PYTHON) -m pytest -q tests/torture

soak-bpf: ## 2,000 containers of runc that come and go in ten minutes while all probes run
	@deploy/setup.sh test
	@BPF_SOAK_CONTAINERS=2000 BPF_SOAK_SECONDS=600 $(PYTHON) -m pytest -q -s tests/agent/bpf/test_soak.py

guest: ## the tests that need systemd and cgroup v2, in an emulated guest; its image is built once
	@deploy/setup.sh test
	@$(PYTHON) -m tests.guest

kubelet: ## beside a real kubelet and API server, built once from Kubernetes' Go module (10 minutes)
	@deploy/setup.sh test
	@$(PYTHON) -m tests.host.kubernetes_programs all
	@$(PYTHON) -m pytest -q tests/host/test_kubelet*.py

kernels: ## every probe on each packaged kernel, in guests; writes docs/kernels.md
	@deploy/setup.sh test
	@$(PYTHON) -m tests.guest.kernels

fuzz: ## fuzz every parser of the log path, each for FUZZ_SECONDS (60)
	@deploy/setup.sh fuzz
	@for name in $$(.venv-fuzz/bin/python -m tests.fuzz.parsers --list); do \
		echo "== $$name"; .venv-fuzz/bin/python -m tests.fuzz.parsers $$name \
			-max_total_time=$${FUZZ_SECONDS:-60} || exit 1; \
	done

bpf: ## build the BPF objects from their sources
	@agent/bpf/probes/build

native-asan: ## the compiled hot loop's tests under AddressSanitizer and UBSan
	@deploy/setup.sh test
	@$(PYTHON) -m tests.sanitized

dashboards: ## write dashboards/generated
	@deploy/setup.sh test
	@$(PYTHON) -m dashboards.build

lock: ## resolve the locked dependencies anew
	@deploy/setup.sh test
	@for name in build run dev fuzz; do \
		$(PYTHON) -m piptools compile -q --upgrade --generate-hashes --strip-extras --allow-unsafe \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header \
			-o deploy/requirements/$$name.txt \
			$$([ $$name = run ] && echo pyproject.toml || echo deploy/requirements/$$name.in); \
	done

screenshot: ## docs/top.svg, drawn from the demo (a minute and a half)
	@deploy/setup.sh run
	@PYTHONPATH=. $(PYTHON) deploy/screenshot.py

clean: ## remove what was made in this checkout
	@rm -rf .venv .venv-fuzz .run build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -f exporters/fluentd/_blocks*.so
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
