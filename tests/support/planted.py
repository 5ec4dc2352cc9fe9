"""Secrets to plant, and a story that puts them everywhere a program might."""

import contextlib
import io
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import stripe
from scripted import ScriptedServer, answer

import holdfast
from holdfast import cli
from holdfast.integrations.httpx import HoldfastTransport
from holdfast.sandbox import Sandbox

_random = random.Random(20261124)


def _token(length: int = 24) -> str:
    return "".join(_random.choices(string.ascii_letters + string.digits, k=length - 1)) + "7"


def _digits(length: int) -> str:
    return "".join(_random.choices(string.digits[1:], k=length))


def _card() -> str:
    digits = "4" + _digits(14)
    doubled = [int(d) * (2 - index % 2) for index, d in enumerate(digits)]
    total = sum(d - 9 if d > 9 else d for d in doubled)
    return digits + str(-total % 10)


def _iban() -> str:
    account = _digits(18)
    check = 98 - int(account + "131400") % 97  # "DE00"
    return f"DE{check:02}{account}"


def _grouped(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


@dataclass(frozen=True)
class Plant:
    """A secret.

    Attributes:
        text: as it is planted.
        needles: what of it must be nowhere.
    """

    text: str
    needles: tuple[str, ...]


def _after(prefix: str, length: int = 24, suffix: str = "") -> Plant:
    token = _token(length)
    return Plant(f"{prefix}{token}{suffix}", (token,))


def _number(text: str) -> Plant:
    return Plant(text, (text, _grouped(text)))


def _whole(text: str) -> Plant:
    return Plant(text, (text,))


PLANTS = {
    "api key": _after("sk_test_"),
    "live key": _after("sk_live_51"),
    "restricted key": _after("rk_live_"),
    "key of an organisation": _after("sk_org_live_"),
    "ephemeral key": _after("ek_test_"),
    "code of OAuth": _after("ac_"),
    "bearer token": _after("Bearer "),
    "client secret": _after("pi_3PlantedIntent_secret_"),
    "client secret of a session": _after("cs_test_a1Planted_secret_"),
    "signing secret": _after("whsec_"),
    "password in a URL": _after("https://user:", 16, "@example.com/x"),
    "link of an account": _after("https://connect.stripe.com/setup/e/acct_1/"),
    "card number": _number(_card()),
    "card number in groups": _number(_card()),
    "IBAN": _number(_iban()),
    "account number": _whole(_digits(12)),
    "security code": _whole(_digits(9)),  # longer than one, to be told from other numbers
    "idempotency key": _after("order-"),
    "email": _after("jenny.", 16, "@example.com"),
    "name": _whole(f"Jenny Ro{_token(12)}"),
    "phone": _whole(f"+1 555 {_digits(9)}"),
    "street": _whole(f"{_token(10)} Street"),
    "tax id": _whole(f"DE{_digits(11)}"),
    "identity number": _whole(_digits(10)),
}


def text_of(name: str) -> str:
    """A secret as it is planted."""
    plant = PLANTS[name]
    return _grouped(plant.text) if name == "card number in groups" else plant.text


IN_SENTENCES = [
    name
    for name in PLANTS
    # No pattern tells a name from other words, nor a number whose field is not named.
    if name not in ("name", "phone", "street", "tax id", "identity number", "account number")
    and name not in ("security code", "idempotency key")
]

NAMED = "holdfast-run/named.sqlite"
"""The journal of a run whose requests are called after secrets."""

SENTENCE = "; ".join(text_of(name) for name in IN_SENTENCES)

PERSON = {
    "name": text_of("name"),
    "email": text_of("email"),
    "phone": text_of("phone"),
    "address": {"line1": text_of("street"), "city": text_of("street")},
    "description": SENTENCE,
    "metadata": {"note": SENTENCE, text_of("email"): "x"},
}

PARAMS = {
    **PERSON,
    "card": {
        "number": text_of("card number"),
        "cvc": text_of("security code"),
        "exp_month": 1,
        "exp_year": 2030,
    },
    "bank_account": {
        "account_number": text_of("account number"),
        "routing_number": text_of("account number"),
    },
    "individual": {"id_number": text_of("identity number")},
    "tax_id_data": [{"type": "eu_vat", "value": text_of("tax id")}],
}

PATHS = [
    f"/v1/customers/{quote(text_of(name), safe='')}"
    for name in IN_SENTENCES
    # What is a link cannot be a part of a path.
    if "://" not in text_of(name) and "Bearer" not in text_of(name)
]

ECHO = answer(
    200,
    {
        "id": "cus_1",
        "object": "customer",
        **PARAMS,
        "client_secret": text_of("client secret"),
        "secret": text_of("signing secret"),
        "url": text_of("link of an account"),
        "request": {"idempotency_key": text_of("idempotency key")},
    },
)


def refusal(status: int = 402) -> bytes:
    """An error that quotes everything that was sent."""
    everything = "; ".join(text_of(name) for name in PLANTS if name != "idempotency key")
    message = (
        f"No such customer: {everything}. Try using a key other than "
        f"'{text_of('idempotency key')}' if you meant to execute a different request."
    )
    return answer(
        status,
        {
            "error": {
                "type": "card_error",
                "code": text_of("live key"),
                "message": message,
                "payment_intent": {"client_secret": text_of("client secret")},
            }
        },
    )


class Story:
    """Calls of every kind, full of secrets, most of which go wrong.

    Args:
        folder: where files may be written.
        box: a sandbox.

    Attributes:
        raised: the errors that the program had, in full: notes of Holdfast's own apart.
        notes: the notes.
        sentences: what receipts say.
        printed: what commands printed, on both streams.
    """

    def __init__(self, folder: Path, box: Sandbox) -> None:
        self.folder = folder
        self.box = box
        self.raised: list[str] = []
        self.notes: list[str] = []
        self.sentences: list[str] = []
        self.printed: list[str] = []
        self.on_error: list[Any] = []

    def tell(self) -> None:
        """Make all of it happen."""
        self._stripe(self.box.url)
        with self._server(ECHO, refusal(), refusal(500), refusal(429), ECHO) as server:
            self._stripe(server.url)
        with self._server(refusal(500), refusal(), ECHO) as server:
            self._httpx(server.url)
        self._blocks()
        with self._server(ECHO, refusal(), refusal(500), ECHO, refusal()) as server:
            self._run(server.url)
        self._named(self.box.url)

    @contextlib.contextmanager
    def _server(self, *script: bytes) -> Iterator[ScriptedServer]:
        server = ScriptedServer(list(script))
        try:
            yield server
        finally:
            server.stop()

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - as an application's last resort does
            self.raised.append(f"{error!r} {error}")
            notes = getattr(error, "__notes__", [])
            self.notes += notes
            # An error that is no call's own, such as that of `raise_for_status`, is the program's.
            for tell in self.on_error if notes else ():
                tell(error)
        receipt = holdfast.last_receipt()
        if receipt is not None:
            self.sentences += [receipt.sentence(), receipt.timeline(), repr(receipt)]
            self.sentences.append(repr(receipt.as_dict()))

    def _stripe(self, url: str) -> None:
        quotes = url != self.box.url
        policy = holdfast.Policy(max_retries=1, deadline=20)
        client: Any = holdfast.stripe_client(
            PLANTS["api key"].text, policy=policy, base_addresses={"api": url}
        )
        key = {"idempotency_key": text_of("idempotency key")}
        with self._noted():
            client.v1.customers.create(PERSON, key)
        with self._noted():
            client.raw_request("post", "/v1/customers", **PARAMS)
        for path in PATHS:
            # Nobody can tell a name that the server has from elsewhere.
            if not quotes:
                with self._noted():
                    client.raw_request("get", path)
            with self._noted():
                client.raw_request("post", path, **(PARAMS if quotes else PERSON))
        self.box.fault("POST", "/v1/customers", "close_after", count=2)
        self.box.fault("POST", "/v1/customers", "rate_limit", count=1)
        with self._noted():
            client.v1.customers.create(PERSON)
        stripe.api_key = None

    def _httpx(self, url: str) -> None:
        policy = holdfast.Policy(max_retries=1, idempotency_keys="unsafe", lanes="all")
        host = url.partition("://")[2]
        password = PLANTS["password in a URL"].needles[0]
        with httpx.Client(transport=HoldfastTransport(policy=policy)) as client:
            for path in PATHS:
                with self._noted():
                    client.post(
                        f"http://user:{password}@{host}{path}",
                        params={"email": text_of("email"), "q": SENTENCE},
                        json=PARAMS,
                        headers={
                            "Authorization": text_of("bearer token"),
                            "Idempotency-Key": text_of("idempotency key"),
                        },
                    ).raise_for_status()
        with (
            self._noted(),
            httpx.Client(transport=HoldfastTransport(policy=policy)) as client,
            holdfast.lane(f"cart of {text_of('email')}"),
        ):
            client.get(f"{url}/v1/x")

    def _blocks(self) -> None:
        @holdfast.retrying(ValueError, attempts=2, name=f"import /v1/customers {SENTENCE}")
        def fail() -> None:
            raise ValueError(SENTENCE)

        with self._noted():
            fail()

    def _run(self, url: str) -> None:
        lines: list[dict[str, object]] = [
            {"id": f"r-{n}", "method": "POST", "path": path, "params": PARAMS}
            for n, path in enumerate(["/v1/customers", *PATHS])
        ]
        lines[0]["idempotency_key"] = text_of("idempotency key")
        self.command("run", self._file("requests.jsonl", lines), "--api-base", url, "--json")
        self.command("run", "--retry", "holdfast-run/journal.sqlite", "--api-base", url)
        bad: list[dict[str, object]] = [
            {**lines[0], "id": name, "path": text, "method": text, "account": text}
            for name, text in (("a", text_of("live key")), ("b", text_of("email")))
        ]
        bad += [{**lines[0], "id": f"twice-{n}", "path": f"/v1/{n}"} for n in range(2)]
        bad += [{**lines[1], "id": SENTENCE} for _ in range(2)]
        path = self._file("bad.jsonl", bad)
        self.command("run", path, "--api-base", url, "--journal", str(self.folder / "bad.sqlite"))

    def _named(self, url: str) -> None:
        """A run whose requests are called after secrets; results alone name them so."""
        path = self._file(
            "named.jsonl",
            [
                {"id": f"of {text_of(name)}", "method": "POST", "path": "/v1/customers/none"}
                for name in IN_SENTENCES
            ],
        )
        places = ("--journal", NAMED, "--results", str(self.folder / "named.results"))
        # Some are unsure, the others fail.
        self.box.fault("POST", "/v1/customers/none", "html_500", count=len(IN_SENTENCES))
        self.command("run", path, "--api-base", url, "--max-retries", "1", *places)
        self.command("run", "--retry", NAMED, "--api-base", url)

    def _file(self, name: str, lines: list[dict[str, object]]) -> str:
        path = self.folder / name
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return str(path)

    def command(self, *words: str) -> str:
        """Carry out a command of Holdfast's in the folder; gives what it printed."""
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STRIPE_API_KEY", PLANTS["api key"].text)
            patch.chdir(self.folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code = cli.main(words)
        self.printed.append(out.getvalue())
        return f"{code}: {out.getvalue()}"
