"""Reading a package's source: the installed one, and a small one that shows every form."""

import gzip
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.sandbox.catalogue import Catalogue, Form
from holdfast.sandbox.catalogue.deriving import derive
from holdfast.sandbox.catalogue.installed import installed_package, package_version
from holdfast.sandbox.catalogue.loading import SNAPSHOT, read
from holdfast.sandbox.catalogue.shapes import (
    Choice,
    Either,
    Embedded,
    ListOf,
    MapOf,
    Nullable,
    Page,
    Primitive,
    Record,
    Reference,
)

SERVICE = '''
from stripe.params._thing_create_params import ThingCreateParams

class ThingService(StripeService):
    def create(self, params: "ThingCreateParams", options: Optional["Options"] = None) -> "Thing":
        """Makes a thing."""
        return cast("Thing", self._request("post", "/v1/things", base_address="files",
            params=params, options=options))

    async def create_async(self, params: "ThingCreateParams") -> "Thing":
        return cast("Thing", await self._request_async("post", "/v1/things", params=params))

    def list(self) -> "ListObject[Thing]":
        return cast("ListObject[Thing]", self._request("get", "/v1/things", base_address="api"))

    def search(self) -> "SearchResultObject[Thing]":
        return self._request("get", "/v1/things/search", base_address="api")

    def pdf(self, thing: str, /) -> "Any":
        return self._request_stream(
            "get", "/v1/things/{thing}/pdf".format(thing=sanitize_id(thing)), base_address="files"
        )

    def ping(self) -> "None":
        self._request("post", "/v1/ping")

    def helper(self) -> str:
        return "no request"

if TYPE_CHECKING:
    from stripe._thing import Thing
'''
THING = """
class Thing(CreateableAPIResource["Thing"]):
    OBJECT_NAME: ClassVar[Literal["thing"]] = "thing"

    class Part(StripeObject):
        class Size(StripeObject):
            width: int
        size: Optional[Size]
        next: "Part2"

    class Part2(StripeObject):
        number: int
        weight: Decimal
        _field_encodings = {"number": "int64_string", "weight": "decimal_string"}

    id: str
    object: Literal["thing"]
    status: Literal["new", "old"]
    mood: Union[Literal["good", "bad"], str]
    owner: ExpandableField["Thing"]
    twin: Optional["Thing"]
    parts: List[Part]
    children: ListObject["Thing"]
    metadata: UntypedStripeObject[str]
    deleted: Optional[Literal[True]]

    @classmethod
    def legacy(cls, thing: str, **params: Unpack["ThingCreateParams"]) -> "Thing":
        return cls._static_request("get", "/v1/things/{thing}/old".format(thing=thing))

    @classmethod
    def list(cls) -> "ListObject[Thing]":
        return cls._static_request("get", "/v1/things", params={})
"""
PARAMS = """
_Base = TypedDict("ThingCreateParams", {"from": "ThingCreateParamsFrom", "in": NotRequired[int]})

class ThingCreateParams(_Base):
    name: str
    note: NotRequired["Literal['']|str"]
    kind: NotRequired["Literal['']|Literal['a', 'b']|str"]
    when: NotRequired["Literal['now']|int"]
    expand: NotRequired[List[str]]
    metadata: NotRequired["Literal['']|Dict[str, str]|UntypedStripeObject[str]"]
    off: NotRequired["bool|Literal['one_off']"]
    file: NotRequired["Union[Mapping[str, str], Any]"]

class ThingCreateParamsFrom(TypedDict):
    account: str
    amount: NotRequired[float]
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package in the form of the official one."""
    root = tmp_path / "stripe"
    (root / "params").mkdir(parents=True)
    files = {
        "_version.py": 'VERSION = "1.2.3"\n',
        "_thing_service.py": SERVICE,
        "_thing.py": THING,
        "params/_thing_create_params.py": PARAMS,
        "__init__.py": "",
    }
    for name, source in files.items():
        (root / name).write_text(textwrap.dedent(source))
    return root


def seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def test_the_shipped_catalogue_is_that_of_the_installed_package() -> None:
    root = installed_package()
    assert root is not None
    assert package_version(root) == "16.1.0"
    begun = time.perf_counter()
    derived = derive(root)
    deriving = time.perf_counter() - begun
    assert gzip.decompress(SNAPSHOT.read_bytes()) == derived
    assert min(seconds(lambda: read(SNAPSHOT)) for _ in range(5)) < deriving / 20


def test_the_installed_package_has_648_operations(known: Catalogue) -> None:
    entries = [entry for entry in known.operations if not entry.legacy]
    versions = [entry.version for entry in entries]
    assert (len(entries), versions.count("v1"), versions.count("v2")) == (648, 557, 91)
    assert len({(entry.method, entry.template) for entry in known.operations}) == 650
    legacy = {entry.template for entry in known.operations if entry.legacy}
    assert legacy == {"/v1/charges/{charge}/refunds", "/v1/charges/{charge}/refunds/{refund}"}


def test_operations_are_told_by_their_calls(package: Path) -> None:
    found = Catalogue(derive(package))
    assert found.version == "1.2.3"
    assert [(e.name, e.method, e.template, e.base, e.form, e.kinds, e.legacy)
            for e in found.operations] == [
        ("things.create", "POST", "/v1/things", "files", Form.OBJECT, ("thing",), False),
        ("things.list", "GET", "/v1/things", "api", Form.LIST, ("thing",), False),
        ("things.search", "GET", "/v1/things/search", "api", Form.SEARCH, ("thing",), False),
        ("things.pdf", "GET", "/v1/things/{thing}/pdf", "files", Form.BYTES, (), False),
        ("ping", "POST", "/v1/ping", "api", Form.NOTHING, (), False),
        ("things.old.legacy", "GET", "/v1/things/{thing}/old", "api", Form.OBJECT, ("thing",),
         True),
    ]  # fmt: skip


def test_parameters_are_told_by_their_typed_dicts(package: Path) -> None:
    found = Catalogue(derive(package))
    number = found.operations[0].params
    assert number is not None
    record = found.record(number)
    assert record.required == ("from", "name")
    assert record.fields == {
        "from": Record({"account": Primitive.TEXT, "amount": Primitive.NUMBER}, ("account",)),
        "in": Primitive.INTEGER,
        "name": Primitive.TEXT,
        "note": Nullable(Primitive.TEXT),
        "kind": Nullable(Choice(("a", "b"))),
        "when": Either((Choice(("now",)), Primitive.INTEGER)),
        "expand": ListOf(Primitive.TEXT),
        "metadata": Nullable(MapOf(Primitive.TEXT)),
        "off": Either((Choice(("one_off",)), Primitive.BOOLEAN)),
        "file": MapOf(Primitive.TEXT),
    }


def test_objects_are_told_by_their_classes(package: Path) -> None:
    record = Catalogue(derive(package)).fields_of("thing")
    assert record is not None
    size = Record({"width": Primitive.INTEGER}, ("width",))
    second = Record(
        {"number": Primitive.BIG_INTEGER, "weight": Primitive.DECIMAL}, ("number", "weight")
    )
    assert record.fields == {
        "id": Primitive.TEXT,
        "object": Choice(("thing",)),
        "status": Choice(("new", "old")),
        "mood": Choice(("good", "bad")),
        "owner": Reference(("thing",)),
        "twin": Nullable(Embedded("thing")),
        "parts": ListOf(Record({"size": Nullable(size), "next": second}, ("next",))),
        "children": Page(("thing",)),
        "metadata": MapOf(Primitive.TEXT),
        "deleted": Nullable(Primitive.BOOLEAN),
    }


def test_a_package_without_operations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ValueError, match="no operation"):
        derive(tmp_path)
