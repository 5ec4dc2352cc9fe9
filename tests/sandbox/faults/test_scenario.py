"""Scenario files, and what is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.documents import DocumentError
from holdfast.sandbox.faults import MOST_FAULTS, read_scenario

LINE = {"method": "POST", "path": "/v1/customers", "fault": "error_500"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", " is no JSON"),
        ("[1]", " is [1]: give a JSON object"),
        ("{}", " is empty: write"),
        ({"faults": {}}, ": faults is {}: give a JSON list"),
        ({"stages": [1]}, ": stages[0] is 1: give a JSON object"),
        ({"stages": [{}]}, ": stages[0] has neither seconds nor faults"),
        ({"stages": [{"seconds": -1}]}, ": stages[0]: seconds is -1"),
        ({"stages": [{"minutes": 1}]}, ": stages[0]: minutes is no field here"),
        ({"faults": [LINE, {**LINE, "count": 0}]}, ": faults[1]: count is 0"),
        ({"faults": [3]}, ": faults[0] is 3: give a JSON object"),
        (
            {"stages": [{"seconds": 1}, {"faults": [{**LINE, "fault": "x"}]}]},
            ": stages[1].faults[0]: fault is 'x'",
        ),
        ({"faults": [LINE] * (MOST_FAULTS + 1)}, f" has more than {MOST_FAULTS} faults"),
    ],
)
def test_a_bad_scenario_is_told_by_file_and_place(tmp_path: Path, content: Any, says: str) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DocumentError) as refused:
        read_scenario(path)
    assert str(refused.value).startswith(f"{path}{says}")


def test_a_scenario_plays_from_the_start_and_again_after_a_restart(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    path = tmp_path / "scenario.json"
    stages = [{"faults": [{**LINE, "count": 2}]}, {"faults": [{**LINE, "fault": "rate_limit"}]}]
    path.write_text(json.dumps({"stages": stages}))
    box = Sandbox(0, 0, scenario=path)
    for _ in range(2):
        with box:
            seen = [call(box, "POST", "/v1/customers").status for _ in range(4)]
        assert seen == [500, 500, 429, 200]
