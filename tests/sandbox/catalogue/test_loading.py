"""Which catalogue is used, and how a derived one is kept."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.sandbox.catalogue import CatalogueError
from holdfast.sandbox.catalogue.encoding import Catalogue
from holdfast.sandbox.catalogue.loading import SNAPSHOT, cache_folder, load, packed, read

VERSION = "99.0.1"
SERVICE = """
class ThingService(StripeService):
    def {name}(self) -> "Any":
        return self._request("get", "/v1/things/{name}", base_address="api")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of a version that is not shipped."""
    root = tmp_path / "stripe"
    root.mkdir()
    (root / "_version.py").write_text(f'VERSION = "{VERSION}"\n')
    write(root, "first")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty cache folder, not made yet."""
    return tmp_path / "cache" / "holdfast"


def write(package: Path, name: str) -> None:
    """Give the package one operation."""
    (package / "_thing_service.py").write_text(SERVICE.format(name=name))


def names(found: Catalogue) -> list[str]:
    return [entry.name for entry in found.operations]


def only(folder: Path) -> Path:
    """The one file of a folder."""
    (file,) = folder.iterdir()
    return file


def test_another_version_is_derived_once(package: Path, folder: Path) -> None:
    assert names(load(package, lambda: folder)) == ["things.first"]
    write(package, "second")
    assert names(load(package, lambda: folder)) == ["things.first"]


def test_a_newer_version_has_a_catalogue_of_its_own(package: Path, folder: Path) -> None:
    load(package, lambda: folder)
    write(package, "second")
    (package / "_version.py").write_text('VERSION = "99.0.2"\n')
    assert names(load(package, lambda: folder)) == ["things.second"]
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"no gzip",
        lambda data: data[: len(data) // 2],
        lambda _: packed(b"{}"),
        lambda _: packed(b"no json\n"),
        lambda _: packed(b'{"format":1}\n'),
        lambda data: packed(gzip.decompress(data)[:-20]),
        lambda data: packed(gzip.decompress(data).replace(VERSION.encode(), b"99.0.0")),
    ],
)
def test_a_broken_cache_is_made_again(
    package: Path, folder: Path, spoil: Callable[[bytes], bytes]
) -> None:
    load(package, lambda: folder)
    file = only(folder)
    good = file.read_bytes()
    file.write_bytes(spoil(good))
    assert names(load(package, lambda: folder)) == ["things.first"]
    assert gzip.decompress(only(folder).read_bytes()) == gzip.decompress(good)


def test_a_folder_that_cannot_be_written_only_costs_time(package: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert names(load(package, lambda: blocked / "holdfast")) == ["things.first"]
    assert blocked.read_text() == ""


def test_a_source_that_cannot_be_read_leaves_the_shipped_catalogue(
    package: Path, folder: Path
) -> None:
    (package / "_thing_service.py").write_text("def broken(:\n")
    assert load(package, lambda: folder).version == "16.1.0"
    assert not folder.exists()


def test_no_package_and_the_shipped_version_need_no_folder(tmp_path: Path) -> None:
    def never() -> Path:
        raise AssertionError("the cache was asked for")

    assert load(None, never).version == "16.1.0"
    assert load(tmp_path, never).version == "16.1.0"
    (tmp_path / "_version.py").write_text('VERSION = "16.1.0"\n')
    assert load(tmp_path, never).version == "16.1.0"


def test_a_broken_shipped_catalogue_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "snapshot"
    broken.write_bytes(SNAPSHOT.read_bytes()[:1000])
    with pytest.raises(CatalogueError, match="broken"):
        read(broken)


def test_the_cache_is_where_the_user_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "holdfast"
    for unusable in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert cache_folder() == tmp_path / ".cache" / "holdfast"


WITHOUT_STRIPE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "stripe":
            raise ImportError("stripe is blocked")
sys.meta_path.insert(0, Blocked())
from holdfast.sandbox import Sandbox
from urllib.request import Request, urlopen
with Sandbox(0, 0) as box:
    asked = Request(box.url + "/v1/tax_rates", headers={"Authorization": "Bearer sk_test_1"})
    print(urlopen(asked).read().decode())
assert "stripe" not in sys.modules
"""


def test_the_shipped_catalogue_serves_when_stripe_cannot_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_STRIPE],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        '{"object":"list","data":[],"has_more":false,"url":"/v1/tax_rates"}'
    )
