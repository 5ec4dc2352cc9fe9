"""THE table of checks. `docs/reference/doctor.md` is made from it, and `--list` prints it."""

from dataclasses import dataclass
from typing import Literal

from holdfast.doctor.finding import Finding, Place, Severity

Family = Literal["code", "running", "environment", "server"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the doctor looks for.

    Attributes:
        name: as in `--only`, `--skip` and `# holdfast: ignore[...]`.
        severity: how much it weighs at the most.
        looks_at: where it looks.
        finds: what it finds.
        why: why that matters; a finding may have a reason with its own figures.
    """

    name: str
    severity: Severity
    looks_at: tuple[Family, ...]
    finds: str
    why: str

    def at(
        self,
        where: Place | str,
        message: str,
        mend: str,
        *,
        why: str = "",
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this check, at a place in the code or about something else."""
        place, subject = (where, "") if isinstance(where, Place) else (None, where)
        return Finding(
            self.name, severity or self.severity, message, why or self.why, mend, place, subject
        )

    def is_ok(self, where: Place | str, message: str) -> Finding:
        """That there is nothing to mend."""
        place, subject = (where, "") if isinstance(where, Place) else (None, where)
        return Finding(self.name, Severity.OK, message, "", "", place, subject)


_CODE: tuple[Family, ...] = ("code",)
_BOTH: tuple[Family, ...] = ("code", "running")
_RUNNING: tuple[Family, ...] = ("running",)
_AROUND: tuple[Family, ...] = ("environment",)
_SERVER: tuple[Family, ...] = ("server",)
_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE

TABLE = (
    Check(
        "client-without-retries",
        _WARNING,
        _BOTH,
        "a `stripe.StripeClient` made without retries and without Holdfast",
        "A StripeClient retries 0 times unless told otherwise (the module-wide style: 2 times), so "
        "one lock timeout or one lost connection fails the request.",
    ),
    Check(
        "many-retries",
        _WARNING,
        _BOTH,
        "a `max_network_retries` above 5, or one that is no whole number",
        "Each attempt of the SDK may take 80 s and there is no total deadline.",
    ),
    Check(
        "retries-overridden",
        _WARNING,
        _BOTH,
        "a `Policy(max_retries=...)` that the SDK's module-wide number takes the place of",
        "In the module-wide style the SDK hands `stripe.max_network_retries` (2 unless changed) to "
        "its HTTP client with every request, and it counts instead of the policy's.",
    ),
    Check(
        "retries-multiply",
        _ERROR,
        _BOTH,
        "retries around retries: the SDK's, a wrapper's, a loop's, a job's",
        "Each layer repeats all that the layers below it do, so in an outage the attempts multiply "
        "and reach a server that is already down.",
    ),
    Check(
        "retries-without-end",
        _ERROR,
        _BOTH,
        "a wrapper or a loop around Stripe that repeats for ever",
        "A failure that no repetition mends (a declined card, a wrong parameter, an outage of "
        "hours) is repeated until the process ends.",
    ),
    Check(
        "key-per-repetition",
        _ERROR,
        _CODE,
        "a write without an idempotency key inside a retry that is above the SDK",
        "The SDK makes one key a call and keeps it through its own retries only; each repetition "
        "from above is a new call with a new key, so it can happen twice.",
    ),
    Check(
        "key-made-anew",
        _ERROR,
        _CODE,
        "an idempotency key of `uuid`, `time` or `random`, made inside what is repeated",
        "A key protects only if all repetitions have the same one; one made inside is new each "
        "time, so the write can happen twice.",
    ),
    Check(
        "key-constant",
        _WARNING,
        _CODE,
        "the same constant idempotency key for every call of a function",
        "Stripe keeps a key for 24 hours: the second call with other parameters is refused (HTTP "
        "400, `idempotency_error`), and with the same ones it is given the first one's answer.",
    ),
    Check(
        "post-without-key",
        _WARNING,
        _CODE,
        "a POST to Stripe by `requests`, `httpx` or `httpx2` without an `Idempotency-Key`",
        "If the answer is lost, nobody can tell whether it was executed, and sending it again can "
        "do it twice. (The official package adds a key itself.)",
    ),
    Check(
        "keys-off",
        _ADVICE,
        _BOTH,
        'a transport or adapter of Holdfast\'s with `idempotency_keys="none"`',
        "Without a key, a POST whose answer is lost is never sent again: the call ends with "
        "`not_idempotent`, and nobody knows whether it was executed.",
    ),
    Check(
        "deadline-under-attempt",
        _WARNING,
        _BOTH,
        "a deadline that is shorter than one attempt may take",
        "The first attempt that gets no answer uses up the whole deadline, so it is never retried.",
    ),
    Check(
        "time-limit-under-request",
        _WARNING,
        _BOTH,
        "a time limit of a web server or a job that is shorter than a request to Stripe may take",
        "The process is killed while it waits for Stripe, so what became of the request is never "
        "recorded, and the job is run again from the beginning.",
    ),
    Check(
        "block-without-effect",
        _WARNING,
        _CODE,
        "`with holdfast.deadline(...)`, `.allowance`, `.lane` or `.priority` around a client that "
        "is not Holdfast's",
        "Such a block bounds the calls of Holdfast's clients; the SDK's own does not know of it.",
    ),
    Check(
        "lock-timeout-code",
        _ERROR,
        _CODE,
        "`e.code` compared with `lock_timeout`, `rate_limit` or `idempotency_key_in_use`",
        "The SDK leaves `code` None on a RateLimitError and on the APIError of a 409 (it is in "
        "`e.error.code`), so the branch never runs.",
    ),
    Check(
        "blind-429-retry",
        _WARNING,
        _CODE,
        "a retry of every 429, at once or after a fixed wait, whatever its code",
        "A 429 is a rate limit or a lock timeout. A refused request counts against the limit "
        "again, so retrying at once keeps the limit shut; a lock timeout wants a short wait with "
        "jitter.",
    ),
    Check(
        "fixed-wait",
        _WARNING,
        _CODE,
        "a retry around Stripe that always waits the same time",
        "Whoever collided on one object waits equally long and collides again, in lockstep.",
    ),
    Check(
        "key-in-code",
        _ERROR,
        _CODE,
        "an API key or a webhook's secret written in the code",
        "Whoever reads the repository, a backup or a traceback has it; a live secret key can move "
        "money.",
    ),
    Check(
        "live-key-in-tests",
        _ERROR,
        _CODE,
        "a live key in a test file",
        "A test that runs with it charges real cards, and takes from the live account's limit of "
        "100 requests a second.",
    ),
    Check(
        "wrong-key-type",
        _ERROR,
        ("code", "running", "environment"),
        "a publishable key (`pk_`), or what is no key, where a secret or restricted one is needed",
        "Stripe refuses a publishable key for nearly every request of a server with HTTP 401 or "
        "403.",
    ),
    Check(
        "rate-above-published",
        _WARNING,
        _BOTH,
        "a `Policy(rate_limit=...)` above the numbers that Stripe publishes for this type of key",
        "Stripe publishes 100 requests a second of an account with live keys and 25 in a sandbox; "
        "what goes beyond is refused with 429.",
    ),
    Check(
        "tls-unverified",
        _ERROR,
        _BOTH,
        "`verify_ssl_certs=False`",
        "Whoever is on the way can read the API key and change the answers.",
    ),
    Check(
        "no-timeout",
        _WARNING,
        _BOTH,
        "a client that waits for an answer without end",
        "One connection that hangs holds its thread for ever; the SDK's other clients give up "
        "after 80 s.",
    ),
    Check(
        "transaction-around-request",
        _WARNING,
        _CODE,
        "a request to Stripe inside `transaction.atomic()`",
        "The database's locks are held while Stripe answers, up to 80 s an attempt, and a rollback "
        "does not take back what Stripe has done.",
    ),
    Check(
        "unreadable",
        _WARNING,
        _CODE,
        "a file that could not be read or parsed",
        "Nothing in it was checked.",
    ),
    Check(
        "python-version",
        _ERROR,
        _AROUND,
        "the version of Python",
        "Holdfast needs 3.11 or newer.",
    ),
    Check(
        "stripe-version",
        _ERROR,
        _AROUND,
        "the installed `stripe` package against the range that the drop-in supports",
        "The drop-in takes the place of the SDK's retry loop, which differs from one major version "
        "to the next.",
    ),
    Check(
        "transport-libraries",
        _WARNING,
        _AROUND,
        "`urllib3`, `httpx2` and `pycurl`, which send the drop-in's requests",
        "Without `urllib3` and `httpx2` the drop-in cannot be imported; without `pycurl` a call "
        "takes about three times the CPU.",
    ),
    Check(
        "several-versions",
        _WARNING,
        _AROUND,
        "one package installed in several versions on the path",
        "Which of them is imported depends on the order of `sys.path`.",
    ),
    Check(
        "api-key",
        _ADVICE,
        _AROUND,
        "the type of the key in STRIPE_API_KEY (the key itself is never shown)",
        "Its type decides what a request may do and how fast: 100 a second live, 25 in a sandbox.",
    ),
    Check(
        "proxy",
        _ADVICE,
        _AROUND,
        "a proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY",
        "A proxy that strips `Stripe-Should-Retry` makes the SDK give up on lock timeouts, and one "
        "that buffers or cuts connections loses answers.",
    ),
    Check(
        "configuration",
        _ADVICE,
        _RUNNING,
        "the object that was named, where no other check has anything to say about it",
        "It is told that it was looked at.",
    ),
    Check(
        "sdk-settings",
        _WARNING,
        _RUNNING,
        "the SDK's module-wide settings: `stripe.max_network_retries`, `default_http_client`, "
        "`verify_ssl_certs`",
        "They hold for every call in the module-wide style, in the whole process.",
    ),
    Check(
        "server-reachable",
        _ERROR,
        _SERVER,
        "whether the server answers",
        "Nothing else can be told of a server that does not answer.",
    ),
    Check(
        "server-tls",
        _ERROR,
        _SERVER,
        "whether its certificate is verified, or plain HTTP stays on this machine",
        "Over plain HTTP, or with a certificate that nobody verified, the key is anybody's.",
    ),
    Check(
        "server-key",
        _ERROR,
        _SERVER,
        "whether it takes the key",
        "A key that is refused fails every request.",
    ),
    Check(
        "server-speed",
        _WARNING,
        _SERVER,
        "how long connecting and the answer took",
        "A slow way is paid once a connection and once a request, and shortens what is left of a "
        "deadline.",
    ),
    Check(
        "clock-skew",
        _WARNING,
        _SERVER,
        "how far this machine's clock is from the server's",
        "The age of idempotency keys (24 hours) and of webhook signatures (300 s of tolerance) "
        "goes by the clock.",
    ),
    Check(
        "server-headers",
        _WARNING,
        _SERVER,
        "whether `Request-Id` and `Stripe-Should-Retry` arrive, or a proxy strips them",
        "Without `Request-Id` nobody can find a request again; without `Stripe-Should-Retry` the "
        "SDK does not retry a lock timeout (Holdfast does).",
    ),
    Check(
        "server-version",
        _ADVICE,
        _SERVER,
        "the version of the API that it answers in",
        "The SDK sends the version that it was made for; another one in the answer means that "
        "something on the way changes it.",
    ),
)

CHECKS = {check.name: check for check in TABLE}
