"""The command line as a whole; each command has its own tests."""

import pytest

from holdfast.cli import main


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "holdfast: the following arguments are required: COMMAND"),
        ("rnu", "holdfast: argument COMMAND: invalid choice: 'rnu' (choose from"),
        ("run FILE --bogus", "holdfast run: unrecognized arguments: --bogus"),
        ("watch A B", "holdfast watch: unrecognized arguments: B"),
        ("sandbox --port x", "holdfast sandbox: argument --port: 'x' is no port: give a number"),
    ],
)
def test_wrong_words_get_one_line_and_2(
    words: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith(complaint)
    command = complaint.partition(":")[0]
    assert line.endswith(f"(all options: {command} --help)")
    assert said.out == ""
