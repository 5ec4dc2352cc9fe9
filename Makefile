# `make run` and `make test` work on a fresh clone: they set up .venv themselves.
PY := .venv/bin/python
SOURCES := $(shell find src -type f -not -name '*.pyc') pyproject.toml requirements/dev.txt README.md

.PHONY: run test check unit coverage soak lock clean

.venv/ready: $(SOURCES) scripts/setup
	scripts/setup

run: .venv/ready
	$(PY) -m holdfast run examples/requests.jsonl --sandbox --seed examples/seed.json --fresh

test: check unit

check: .venv/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

unit: .venv/ready
	rm -f .coverage .coverage.*
	$(PY) -m coverage run -m pytest -m "not soak"
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report --include='*/holdfast/engine/*,*/holdfast/policy.py' --fail-under=100

soak: .venv/ready
	$(PY) -m pytest -m soak --timeout=3600

# The lock names exact versions and hashes, and no host. Needs uv.
lock:
	uv pip compile pyproject.toml --all-extras --group dev --universal \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements/dev.txt

clean:
	rm -rf .venv build dist holdfast-run .mypy_cache .ruff_cache .pytest_cache .hypothesis
