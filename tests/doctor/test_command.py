"""`holdfast doctor`: what it prints, and its exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from madeup import LIVE, SECRET, TEST, with_keys

from holdfast.cli import main
from holdfast.doctor.catalogue import TABLE
from holdfast.sandbox import Sandbox

ILL = with_keys("""
import time
import stripe
client = stripe.StripeClient("sk_live_@SECRET@")
policy = 3
""")
Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no proxy, and a folder of one's own."""
    for name in ("STRIPE_API_KEY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_this_folder_is_read_and_the_findings_are_in_order(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write({"pay.py": ILL}))
    assert main(["doctor"]) == 1
    heads = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert heads[0] == (
        "pay.py:4:30: error: sk_live_[redacted] is a live secret key, written in the code. "
        "[key-in-code]"
    )
    assert heads[1].startswith("pay.py:4:10: warning: stripe.StripeClient(...) makes 0 retries.")
    assert heads[2].startswith("environment: ok: ")
    assert heads[-1] == "1 error, 1 warning; 1 file read, 1 of them with Stripe or Holdfast"


def test_json_says_the_same(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write({"pay.py": ILL})
    assert main(["doctor", str(root), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["error"] == told["counts"]["warning"] == 1
    assert (told["files"], told["concerned"]) == (1, 1)
    first = told["findings"][0]
    assert first["check"] == "key-in-code"
    assert (first["file"], first["line"], first["column"]) == (str(root / "pay.py"), 4, 30)
    assert first["why"]
    assert first["mend"]


def test_only_and_skip_choose_checks(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(write({"pay.py": ILL}))
    assert main(["doctor", root, "--skip", "key-in-code,client-without-retries"]) == 0
    assert main(["doctor", root, "--only", "client-without-retries"]) == 1
    out = capsys.readouterr().out
    assert out.count("[client-without-retries]") == 1
    assert "[key-in-code]" not in out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["nowhere"], "nowhere is not there: give a file, a folder, or MODULE:ATTRIBUTE"),
        (["--only", "typo"], "there is no check 'typo': --list prints them all"),
        (["no_such_module:client"], "no_such_module cannot be imported: ModuleNotFoundError"),
        (["json:nothing"], "json has no attribute 'nothing'"),
        (["json:dumps"], "json:dumps: function is nothing that can be examined"),
        (["--api-base", "x"], "--api-base is 'x': give a server's address"),
        (["--api-base", "http://x", "--key-file", "none"], "the key file none cannot be read"),
        (["--api-base", "http://x", "--deadline", "soon"], "soon"),
    ],
)
def test_what_is_given_wrongly_is_a_sentence_and_exit_code_2(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("holdfast doctor: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_an_empty_folder_has_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("nothing to mend; no Python files there\n")


def test_the_list_has_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [check.name for check in TABLE]


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "holdfast", "doctor", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_object_is_imported_and_with_it_the_settings_of_the_sdk(write: Write) -> None:
    code = """
        import stripe
        import holdfast
        stripe.default_http_client = holdfast.StripeHTTPClient(holdfast.Policy(max_retries=7))
        good = holdfast.Policy()
        """
    done = run(write({"shop/pay.py": code}), "shop.pay:good")
    assert done.returncode == 1
    assert "stripe: warning: Policy(max_retries=7) has no effect" in done.stdout
    code = "import holdfast\nclass Box:\n    client = holdfast.stripe_client('sk_test_x')\n"
    done = run(write({"fine.py": code}), "fine:Box.client")
    assert (done.returncode, done.stderr) == (0, "")
    assert "fine:Box.client: ok: StripeClient: nothing to change. [configuration]" in done.stdout


def test_a_module_that_fails_shows_no_key(write: Write) -> None:
    root = write({"bad.py": f"raise RuntimeError({LIVE!r})\n"})
    done = run(root, "bad:client")
    assert done.returncode == 2
    assert "bad cannot be imported: RuntimeError: " in done.stderr
    assert SECRET not in done.stderr


def test_code_is_read_without_running_it(write: Write) -> None:
    code = ILL + "import pathlib\npathlib.Path('ran').touch()\n"
    root = write({"pay.py": code})
    run(root, ".")
    assert not (root / "ran").exists()


def test_a_server_is_probed_with_the_key_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    key.write_text(f"{TEST}\n")
    with Sandbox() as box:
        assert main(["doctor", "--api-base", box.url, "--key-file", str(key)]) == 0
        assert [row["path"] for row in box.requests()] == ["/v1/balance"]
    out = capsys.readouterr().out
    assert "It takes the key. [server-key]" in out
    assert out.endswith("one request sent to the server\n")
