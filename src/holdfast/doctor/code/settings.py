"""What a module sets for the whole process: the SDK's settings, and time limits."""

import ast
from pathlib import PurePath

from holdfast.doctor.code.clients import HOLDFAST_HTTP_CLIENTS, client_of, policy_call
from holdfast.doctor.code.facts import Module, TimeLimit
from holdfast.doctor.code.layers import Reading
from holdfast.doctor.code.names import argument, chain_of, keyword
from holdfast.doctor.code.scopes import Scope
from holdfast.doctor.finding import Place

_CELERY = {
    "task_time_limit": "Celery's task_time_limit",
    "task_soft_time_limit": "Celery's task_soft_time_limit",
}
_DJANGO = {
    "CELERY_TASK_TIME_LIMIT": "CELERY_TASK_TIME_LIMIT",
    "CELERY_TASK_SOFT_TIME_LIMIT": "CELERY_TASK_SOFT_TIME_LIMIT",
    "CELERYD_TASK_TIME_LIMIT": "CELERYD_TASK_TIME_LIMIT",
    "CELERYD_TASK_SOFT_TIME_LIMIT": "CELERYD_TASK_SOFT_TIME_LIMIT",
}


def note_assignment(
    module: Module, target: ast.expr, value: ast.expr, scope: Scope, reading: Reading
) -> None:
    """Keep what `stripe.max_network_retries = 4` and the like set.

    Args:
        module: where it is kept.
        target: what is set.
        value: what it is set to.
        scope: where that is written.
        reading: what the names stand for.
    """
    dotted = reading.names.dotted(target)
    if dotted == "stripe.max_network_retries":
        number = reading.values.number(value)
        module.sdk_attempts.append(None if number is None else int(number) + 1)
    elif dotted == "stripe.default_http_client":
        module.default_client = client_of(value, scope, reading)
        module.default_policy = _retries_of_policy(value, scope, reading)
    chain = chain_of(target) or []
    if len(chain) > 1 and chain[-2] == "conf" and chain[-1] in _CELERY:
        _note_limit(module, _CELERY[chain[-1]], value, reading)


def _retries_of_policy(value: ast.expr, scope: Scope, reading: Reading) -> tuple[int, Place] | None:
    """The `max_retries` that the policy of a `StripeHTTPClient(...)` sets."""
    if not isinstance(value, ast.Call) or reading.names.dotted(value.func) not in (
        HOLDFAST_HTTP_CLIENTS
    ):
        return None
    policy = policy_call(argument(value, 0, "policy"), scope, reading)
    given = None if policy is None else keyword(policy, "max_retries")
    retries = reading.values.number(given)
    return None if given is None or retries is None else (int(retries), reading.place(given))


def note_update(module: Module, call: ast.Call, reading: Reading) -> None:
    """Keep what `app.conf.update(task_time_limit=60)` sets."""
    chain = chain_of(call.func) or []
    if chain[-2:] == ["conf", "update"]:
        for word in call.keywords:
            if word.arg in _CELERY:
                _note_limit(module, _CELERY[word.arg], word.value, reading)


def note_constants(module: Module, tree: ast.Module, reading: Reading) -> None:
    """Keep the time limits among a settings module's constants."""
    stem = PurePath(reading.file).stem.lower()
    names = dict(_DJANGO)
    if "celery" in stem:
        names |= _CELERY
    if "gunicorn" in stem and _kills_slow_requests(tree, reading):
        names["timeout"] = "gunicorn's timeout"
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                _note_limit(module, names[name], value, reading, jobs=name != "timeout")


def _kills_slow_requests(tree: ast.Module, reading: Reading) -> bool:
    """Whether its workers are the default ones: others go on telling that they are alive."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="worker_class")], value=value):
                return reading.values.of(value) == "sync"
            case ast.Assign(targets=[ast.Name(id="threads")], value=value):
                return reading.values.of(value) == 1
    return True


def _note_limit(
    module: Module, what: str, value: ast.expr, reading: Reading, *, jobs: bool = True
) -> None:
    seconds = reading.values.number(value)
    if seconds:  # 0 and None are no limit
        module.limits.append(TimeLimit(what, float(seconds), reading.place(value), jobs))
