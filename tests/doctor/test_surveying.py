"""Reading a code base: what is passed over, what cannot be read, what a comment silences."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from holdfast.doctor import survey
from holdfast.doctor.code import files

ROOT = Path(__file__).parents[2]
ILL = "import stripe\nclient = stripe.StripeClient(key)\n"

Write = Callable[[Mapping[str, str]], Path]


def checks(root: Path) -> list[tuple[str, str]]:
    found = survey([root]).findings
    return sorted((Path(one.place.file).name, one.check) for one in found if one.place)


def test_environments_builds_and_hidden_folders_are_passed_over(write: Write) -> None:
    folders = (".venv", ".git", "node_modules", "build", "dist", "__pycache__", "shop.egg-info")
    root = write({"shop.py": ILL, **{f"{folder}/other.py": ILL for folder in folders}})
    write({"mine/pyvenv.cfg": "home = /usr\n", "mine/lib/other.py": ILL})
    done = survey([root])
    assert done.files == 1
    assert checks(root) == [("shop.py", "client-without-retries")]


def test_a_file_that_is_named_is_read_wherever_it_is(write: Write) -> None:
    root = write({"build/shop.py": ILL})
    assert checks(root) == []
    assert checks(root / "build" / "shop.py") == [("shop.py", "client-without-retries")]


def test_a_file_that_is_named_twice_is_read_once(write: Write) -> None:
    root = write({"shop.py": ILL})
    assert len(survey([root, root / "shop.py"]).findings) == 1


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not there"):
        survey([tmp_path / "nowhere"])


def test_what_does_not_parse_is_one_line(write: Write) -> None:
    root = write({"bad.py": "import stripe\ndef f(:\n", "other.py": "print 1\n", "good.py": ILL})
    (root / "binary.py").write_bytes(b"\xff\xfe\x00stripe")
    (root / "null.py").write_bytes(b"import stripe\nx = 1\x00\n")
    done = survey([root])
    unreadable = {
        Path(one.place.file).name: (one.place.line, str(one.severity), one.message)
        for one in done.findings
        if one.check == "unreadable" and one.place
    }
    assert set(unreadable) == {"bad.py", "other.py", "binary.py", "null.py"}
    line, severity, message = unreadable["bad.py"]
    assert (line, severity) == (2, "warning")
    assert message.startswith("The file does not parse: ")
    # It has nothing to do with Stripe: it may as well be Python 2.
    assert unreadable["other.py"][1] == "advice"
    assert ("good.py", "client-without-retries") in checks(root)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_line(write: Write) -> None:
    root = write({"shop.py": ILL})
    (root / "shop.py").chmod(0)
    assert checks(root) == [("shop.py", "unreadable")]


def test_a_file_that_is_too_large_is_one_line(write: Write) -> None:
    root = write({"large.py": "# stripe\n" * (files.MOST_BYTES // 9 + 1)})
    [found] = survey([root]).findings
    assert found.check == "unreadable"
    assert "are more than 1,048,576" in found.message


def test_code_that_is_nested_without_end_is_no_crash(write: Write) -> None:
    deep = "x = " + "-" * 20_000 + "1\n"
    long = "y = " + " + ".join(["1"] * 3_000) + "\n"
    root = write({"deep.py": deep, "long.py": f"import stripe\n{long}", "good.py": ILL})
    assert ("good.py", "client-without-retries") in checks(root)


def test_names_that_stand_for_themselves_are_followed_only_so_far(write: Write) -> None:
    code = """
        import stripe
        client = client or other
        other = client
        options = options | options
        URL = URL + "x"
        def make(): return make()
        made = make()
        class A:
            def __init__(self): self.a = self.a
            def go(self): return self.a.v1.customers.create({}, options)
        def loop(): return loop()
        def one(): two(); stripe.Customer.create()
        def two(): one()
        client.v1.customers.create({}, options)
        made.post(URL, headers=options)
        """
    assert checks(write({"shop.py": code})) == []


def test_too_many_files_are_said(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 3)
    done = survey([write({f"m{number}.py": ILL for number in range(5)})])
    assert done.files == 3
    assert done.left_out == ["more than 3 files: the rest was not read; name smaller folders"]


SILENCED = {
    "on the line": "client = stripe.StripeClient(key)  # holdfast: ignore[client-without-retries]",
    "of all checks": "client = stripe.StripeClient(key)  # holdfast: ignore",
    "among others": (
        "client = stripe.StripeClient(key)  # holdfast: ignore[fixed-wait, client-without-retries]"
    ),
    "above": "# holdfast: ignore[client-without-retries]\nclient = stripe.StripeClient(key)",
    "above, with more words": (
        "# holdfast: ignore[client-without-retries]\n# a stub\n\nclient = stripe.StripeClient(key)"
    ),
}
NOT_SILENCED = {
    "of another check": "client = stripe.StripeClient(key)  # holdfast: ignore[fixed-wait]",
    "two lines above": (
        "# holdfast: ignore[client-without-retries]\nx = 1\nclient = stripe.StripeClient(key)"
    ),
    "in a string": "client = stripe.StripeClient('# holdfast: ignore')",
}


@pytest.mark.parametrize("form", SILENCED)
def test_a_comment_silences_its_line(form: str, write: Write) -> None:
    assert checks(write({"shop.py": f"import stripe\n{SILENCED[form]}\n"})) == []


@pytest.mark.parametrize("form", NOT_SILENCED)
def test_another_comment_does_not(form: str, write: Write) -> None:
    found = checks(write({"shop.py": f"import stripe\n{NOT_SILENCED[form]}\n"}))
    assert found == [("shop.py", "client-without-retries")]


def test_a_library_without_stripe_gives_nothing() -> None:
    library = Path(sys.modules["argparse"].__file__ or "").parent
    done = survey([library / "asyncio", library / "email", library / "concurrent"])
    assert done.files > 40
    assert done.findings == []


def test_our_own_code_has_nothing_to_mend() -> None:
    package = ROOT / "src" / "holdfast"
    parts = [folder for folder in package.iterdir() if folder.name not in ("sandbox", "doctor")]
    done = survey([*parts, ROOT / "examples", ROOT / "tests" / "application"])
    assert done.concerned > 50
    assert done.findings == []
