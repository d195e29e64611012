# Every target sets up what it needs: a virtual environment in .venv with pinned versions.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
MOVIES := .cache/movies.json
TOOLS := $(VENV)/.tools

.PHONY: demo test check lint types bench prove tools-test consumers-test fuzz simulate conformance setup clean

demo: $(STAMP) $(MOVIES)  ## a shop of real events, end to end
	@$(BIN)/python -m examples.demo

test: $(STAMP) $(MOVIES)  ## all tests but the slow proofs
	@$(BIN)/python -m pytest -n 2 -q

check: lint types test  ## what CI runs

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)  ## pelton and DynamoDB Local side by side; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks --write

prove: $(STAMP) $(MOVIES)  ## the slow proofs: 200 rounds of kill -9, large property runs
	@$(BIN)/python -m pytest -q -s -m slow

tools-test: $(TOOLS)  ## Terraform, and dynamodb-admin in a browser, against pelton
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -rs -m tools tests/tools

consumers-test: $(STAMP)  ## readers of streams from PyPI and npm, and Amazon's KCL where it is
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -rs -m consumers tests/consumers

conformance: $(STAMP)  ## public suites from checkouts that the environment names, against pelton
	@$(BIN)/python -m conformance

fuzz: $(STAMP)  ## a million hostile requests to a server of its own; takes minutes
	@$(BIN)/python -m tests.fuzz

simulate: $(STAMP)  ## streams and the dispatcher in ten thousand seeded schedules each; takes minutes
	@$(BIN)/python -m tests.simulation

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@sh tools/setup.sh $(VENV)
	@touch $@

$(TOOLS): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[tools]'
	@touch $@

$(MOVIES): tools/fetch_movies.py | $(STAMP)
	@$(BIN)/python tools/fetch_movies.py $@

clean:
	rm -rf $(VENV) .cache build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
