"""Targets: what can be one, and what tells them apart."""

import json
from pathlib import Path

import pytest

from holdfast.batch import EmbeddedSandbox, Remote, Target, TargetGone, UsageError

KEY = "sk_test_planted4eC39HqLyjWDarj"


@pytest.mark.parametrize("base", ["ftp://x", "127.0.0.1:4242", "http://", "stripe"])
def test_what_is_no_url(base: str) -> None:
    with pytest.raises(UsageError, match="is no URL"):
        Remote(KEY, base)


@pytest.mark.parametrize(
    "base", ["http://user:word@x", "http://x/v1", "http://x?y=1", "http://x#y"]
)
def test_a_base_is_a_base_only(base: str) -> None:
    with pytest.raises(UsageError, match="nothing but a scheme, a host and a port") as caught:
        Remote(KEY, base)
    assert "word" not in str(caught.value)


def test_the_default_is_stripe_itself() -> None:
    target = Remote(KEY)
    assert target.name == "https://api.stripe.com"
    with target.open() as endpoint:
        assert endpoint.url == "https://api.stripe.com"
        endpoint.check()


def test_nothing_shows_the_key() -> None:
    target = Remote(KEY, "http://x/")
    with target.open() as endpoint:
        shown = f"{target!r} {endpoint!r} {target.fingerprint()} {EmbeddedSandbox(Path('s'))!r}"
    assert KEY not in shown
    assert "sk_test" not in shown
    with pytest.raises(UsageError) as caught:
        Remote(f"{KEY}\n")
    assert KEY not in str(caught.value)


def test_fingerprints_tell_targets_apart(tmp_path: Path) -> None:
    seeds = [tmp_path / "a.json", tmp_path / "b.json"]
    for seed in seeds:
        seed.write_text(seed.name)
    targets: list[Target] = [
        Remote(KEY, "http://x"),
        Remote(KEY, "https://x"),
        Remote("sk_test_other", "http://x"),
        EmbeddedSandbox(tmp_path / "s"),
        EmbeddedSandbox(tmp_path / "s", seeds[0]),
        EmbeddedSandbox(tmp_path / "s", seeds[1]),
    ]
    assert len({target.fingerprint() for target in targets}) == len(targets)
    # What does not change which effects there are does not count.
    assert Remote(KEY, "http://x/").fingerprint() == targets[0].fingerprint()
    slow = EmbeddedSandbox(tmp_path / "s", hold="1s", lock_wait="0", api_key="sk_test_other")
    assert slow.fingerprint() == targets[3].fingerprint()


def test_a_sandbox_of_ones_own_lives_as_long_as_the_context(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"objects": []}))
    target = EmbeddedSandbox(tmp_path / "store", seed, lock_wait="50ms", hold="1ms")
    with target.open() as endpoint:
        process = endpoint.process
        assert process is not None
        assert process.poll() is None
        endpoint.check()
        assert endpoint.url.startswith("http://127.0.0.1:")
    assert process.returncode == 0
    with pytest.raises(TargetGone, match="ended by itself"):
        endpoint.check()
    # It let go of its state.
    with target.open():
        pass


def test_a_sandbox_whose_options_are_no_good(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = EmbeddedSandbox(tmp_path / "store", hold="soon")
    with pytest.raises(UsageError, match="did not start"), target.open():
        pass
    assert "soon" in capfd.readouterr().err


def test_a_sandbox_that_cannot_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = EmbeddedSandbox(tmp_path / "nowhere" / "store")
    with pytest.raises(TargetGone, match="did not start"), target.open():
        pass
    assert "nowhere" in capfd.readouterr().err
