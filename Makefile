# Two commands do everything on a machine with Python 3.11 or newer and make:
#   make demo    both sandboxes, the four flows, live     (make demo ARGS="--once --json" for scripts)
#   make test    every check and every test

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test simulate mutate lint bench bench-full lock screenshots

setup: .venv/ready

# Made anew whenever what is installed changes; the requirements carry hashes, so every machine gets the same.
.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Syncline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup
	@$(BIN)/syncline demo $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n auto

# Simulated worlds, as many as one likes (docs/correctness.md): make simulate SEEDS=1000 START=5000; KIND=three are those
# that all have three systems, KIND=lags such where many reads lag, KIND=looks those where most passes look only where
# something was announced, KIND=wire those of the real connectors and sandboxes
SEEDS ?= 500
START ?= 0
KIND ?= model
simulate: setup
	PYTHONPATH=tests $(BIN)/python -m simulation.run $(SEEDS) $(START) $(KIND)

# Mutation testing of the decisions and the engine (docs/correctness.md). What was judged before is kept in mutants/.
# A part of it, judged again: make mutate ONLY='syncline.reconcile.merge.*'
CHILDREN ?= 2
mutate: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" MYPYPATH=src $(BIN)/mutmut run --max-children $(CHILDREN) $(if $(ONLY),'$(ONLY)')
	$(BIN)/mutmut results
	$(BIN)/mutmut export-cicd-stats
	@cat mutants/mutmut-cicd-stats.json

# Every benchmark, each in a minute or two. bench-full is the same with companies as large as they get: it takes hours.
bench: setup
	$(BIN)/python benchmarks/cores.py
	$(BIN)/python benchmarks/first_pass.py --customers 1000
	$(BIN)/python benchmarks/backfill.py --customers 2000
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/matching.py
	$(BIN)/python benchmarks/change.py
	$(BIN)/python benchmarks/latency.py
	PYTHONPATH=tests $(BIN)/python benchmarks/workers.py
	PYTHONPATH=tests $(BIN)/python benchmarks/chaos.py
	$(BIN)/python benchmarks/console.py
	$(BIN)/python benchmarks/sandbox.py --customers 20000

bench-full: setup
	$(BIN)/python benchmarks/cores.py --records 20000
	$(BIN)/python benchmarks/first_pass.py --customers 50000
	$(BIN)/python benchmarks/backfill.py
	$(BIN)/python benchmarks/growth.py --records 1000 10000 100000 1000000
	$(BIN)/python benchmarks/matching.py --customers 10000 100000 1000000
	$(BIN)/python benchmarks/change.py --links 1000000 --records 10000
	$(BIN)/python benchmarks/latency.py --edits 1000
	PYTHONPATH=tests $(BIN)/python benchmarks/workers.py --companies 1000 --seconds 300 --customers 5000
	PYTHONPATH=tests $(BIN)/python benchmarks/chaos.py --troubles 5000 --outages 20
	$(BIN)/python benchmarks/console.py --links 1000000
	$(BIN)/python benchmarks/sandbox.py

# The console's pictures in the documentation; needs Chromium.
screenshots: setup
	$(BIN)/python tests/console/screenshots.py docs/images

# After a change of the dependencies in pyproject.toml. What a server needs is the same, less what only developers do.
COMPILE := $(BIN)/uv pip compile --universal --no-header --no-emit-index-url --generate-hashes pyproject.toml
lock: setup
	$(COMPILE) --group dev -o requirements.txt
	$(COMPILE) --constraint requirements.txt -o deploy/requirements.txt
