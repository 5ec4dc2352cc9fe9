# `make run` and `make test` work on a fresh clone: they set up .venv themselves.
PY := .venv/bin/python
SOURCES := $(shell find src -type f -not -name '*.pyc') pyproject.toml requirements/dev.txt README.md

.PHONY: run test check unit node browser prometheus coverage soak bench-setup mutants lock clean

.venv/ready: $(SOURCES) scripts/setup
	scripts/setup

run: .venv/ready
	$(PY) -m holdfast run examples/requests.jsonl --sandbox --seed examples/seed.json --fresh

test: check unit

check: .venv/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# The tests of the presets run the official package for Node, those of the live page axe-core. One
# run of the script installs both; the last one tells whether that was done.
NODE_FOLDERS := tests/fidelity/node tests/observe/page/node
NODE_PACKAGE := tests/observe/page/node/node_modules/.package-lock.json
$(NODE_PACKAGE): $(NODE_FOLDERS:%=%/package-lock.json) scripts/setup-node
	scripts/setup-node

node: $(NODE_PACKAGE)

# The tests of the pages drive Chromium.
browser:
	scripts/setup-browser

# The tests of the metrics run promtool, and Prometheus itself for a moment.
prometheus: .venv/ready
	scripts/setup-prometheus

# The core first, with its coverage; then all the rest, two files at a time.
CORE := tests/engine tests/drivers tests/application tests/lanes tests/ratelimit tests/stream $(wildcard tests/test_*.py)

unit: .venv/ready $(NODE_PACKAGE) browser prometheus
	rm -f .coverage .coverage.*
	$(PY) -m coverage run -m pytest -m "not soak" $(CORE)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report --include='*/holdfast/engine/*,*/holdfast/policy.py' --fail-under=100
	$(PY) -m pytest -m "not soak" -n 2 --dist loadfile $(CORE:%=--ignore=%) tests

soak: .venv/ready
	$(PY) -m pytest -m soak --timeout=3600

# The peers that `python -m bench.overhead` measures beside Holdfast; `make lock` renews their lock.
bench-setup: .venv/ready
	if command -v uv >/dev/null; then \
	  uv pip install --quiet --python $(PY) --require-hashes -r requirements/bench.txt; \
	else \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt; \
	fi

# Mutation testing of the engine, in a copy of the tree: docs/mutation.md. Takes a quarter of an hour.
mutants: bench-setup
	rm -rf build/mutation && mkdir -p build/mutation
	cp -r src tests pyproject.toml README.md build/mutation
	cd build/mutation && $(CURDIR)/$(PY) -m mutmut run && $(CURDIR)/$(PY) -m mutmut results

# The lock names exact versions and hashes, and no host. Needs uv.
lock:
	uv pip compile pyproject.toml --all-extras --group dev --universal \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements/dev.txt
	uv pip compile pyproject.toml --all-extras --group dev --group bench --universal \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements/bench.txt

clean:
	rm -rf .venv build dist holdfast-run .mypy_cache .ruff_cache .pytest_cache .hypothesis
