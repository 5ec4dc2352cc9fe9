import time

import pytest

from holdfast.redaction import PATTERNS, REDACTED, redact_text

TOKEN = "aB3dE5gH7jK9mN1pQ3rS5tU7"

SECRETS = {
    # what stays of the text: what goes
    "sk_live_{}": TOKEN,
    "sk_test_{}": "51" + TOKEN,
    "rk_live_{}": TOKEN,
    "sk_org_live_{}": TOKEN,
    "ek_test_{}": f"YWNjdF8{TOKEN}_00abc",
    "key_sk_live_{}": TOKEN,
    "%22sk_live_{}": "short1",
    "a line\\nsk_live_{}": "short1",
    "mysk_live_{}": TOKEN,
    "sk_{}": TOKEN,
    "ac_{}": TOKEN,
    "rt_{}": TOKEN,
    "whsec_{}": TOKEN,
    "pi_3Abc_secret_{}": TOKEN,
    "pi_x_secret_{}": "y",
    "seti_1_secret_{}": TOKEN,
    "cs_test_a1_secret_{}": f"fid{TOKEN}%2B%27x",
    "accs_secret__{}": TOKEN,
    "src_client_secret_{}": "abcdefghijklmnopqrstuvwx",
    "vs_1_secret_{}": f"test_{TOKEN}",
    "https://{}@api.example.com/v1": f"user:{TOKEN}",
    "https://{}@example.com/v1": TOKEN,
    "see https://connect.stripe.com/{}": f"setup/e/acct_1/{TOKEN}",
    "https://billing.stripe.com/{} is yours": f"p/session/test_{TOKEN}",
    "return_url=https%3A%2F%2Fconnect.stripe.com%2F{}&x=1": "setup%2Fe%2Facct_1",
    "https://files.stripe.com/links/{}": TOKEN,
    "Bearer {}": TOKEN,
    "authorization%3A Bearer%20{}": TOKEN,
    "Basic {}": "c2tfbGl2ZV9hYmM6",
    "Authorization: {}": "Digest abc def",
    "Idempotency-Key: {}\nHost: x": "order-7",
    "other than '{}' if you": None,
    "Card {} was declined": "4242424242424242",
    "Card {}, declined": "4242 4242 4242 4242",
    "card: {}.": "4242-4242-4242-4242",
    "number={}&x=1": "4242+4242+4242+4242",
    "q=%22{}": "4242%204242%204242%204242",
    "in pairs {}": "42-42-42-42-42-42-42-42",
    "amex {}": "378282246310005",
    "amex {} ok": "3782 822463 10005",
    "2 1234 {} 123 for 3": "4242 4242 4242 4242",
    "23 {} 12 and": "4242424242424242",
    "+1 {} 123": "3782 822463 10005",
    "/v1/search/{}/x": "5555555555554444",
    "to {} today": "DE89370400440532013000",
    "to {} TODAY PLEASE": "DE89 3704 0044 0532 0130 00",
    "to {}.": "GB82 WEST 1234 5698 7654 32",
    "iban={}": "nl91abna0417164300",
    "for {}.": "jenny.rosen+test@mail.example.co.uk",
    "/v1/customers/{}": "jenny%40example.com",
    "<{}>": "jürgen@bücher.example",
    "card[number]={}&card[exp_month]=1": "1234",
    "card%5Bcvc%5D={}": "123",
    "a=1&name={}": "Jenny+Rosen",
    "'name={}&a=1'": "Jenny",
    "https://x.test/v1/customers?phone={}": "555",
    '{{"cvc": "{}"}}': "123",
    "{{'client_secret': '{}', 'a': 1}}": "it is \\' secret",
    '{{\\"secret\\": \\"{}\\"}}': TOKEN,
    '{{"address": {}, "id": 1}}': '{"city": "Paris", "line1": "5 rue"}',
    '{{"id_number": {}}}': "123456789",
    "Card(cvc='{}', brand='visa')": "123",
    "cvc: {}": "123",
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.items())
def test_secret_goes_and_what_is_around_it_stays(text: str, secret: str | None) -> None:
    if secret is None:  # Stripe's own sentence
        text, secret = "Try using a key " + text, "order-7"
    redacted = redact_text(text.format(secret))
    assert redacted == text.format(REDACTED)
    assert redact_text(redacted) == redacted


def test_stripes_sentences_lose_their_key() -> None:
    sentence = (
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): {}. Please try "
        "again later."
    )
    assert redact_text(sentence.format("order.7-a")) == sentence.format(REDACTED)


@pytest.mark.parametrize(
    "text",
    [
        "/v1/customers/cus_NffrFeUfNV2Hib",
        "/v1/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa/confirm",
        "/v1/apps/secrets",
        "/v2/core/accounts/acct_1Nv0FGQ9RKHgCVdK",
        "cus_4242424242424242",
        "req_4242424242424242",
        "pk_live_aB3dE5gH7jK9mN1pQ3rS5tU7",
        "Your card was declined.",
        "created 1700000000, 1700000000000 ms, 1700000000000000000 ns",
        "order 4242424242424241",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "2026-11-24T02:25:22.123456+00:00",
        "the client_secret_basic method and risk_test_1234",
        "Basic authentication, Basic Authentication and bearer tokens",
        "https://docs.stripe.com/api/idempotent_requests",
        "https://dashboard.stripe.com/test/payments/pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "No such customer: 'cus_123'",
        "name=worker-1 phone=x",
        "a@b",
        "the secret: nobody knows",
        '{"client_secret": null, "name": ""}',
        "invoice[number]=INV-0001",
        "550e8400-e29b-41d4-a716-446655440000",
        "DE00 3704 0044 0532 0130 00",
        "200 404 429 500 200 404 429 500 200",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18",
        "€ 1.234.567.890.123",
    ],
)
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert redact_text(text) == text


HOSTILE = [
    *"a 4 - @ \\ [ ] = + % é {".split(),
    *"4- 4%20 a@ a. :// _secret_ sk_ sk_test_ pi_secret_ %40".split(),
    *"DE89 Basic Bearer ac_a a= a- %20".split(),
    "4 ",
    "DE89 ",
    '"a":',
    '"secret":"',
    "'secret':[",
    '"secret":{',
    "secret=",
    "cvc: ",
    "a%5B",
    '\\"',
    "Authorization: ",
    "Idempotent Key (",
    "key other than '",
    "https://x:y",
    "https://connect.stripe.com/",
    "Basic YTph",
]


def test_hostile_texts_take_time_in_proportion_to_their_length() -> None:
    def seconds(piece: str, size: int, tail: str) -> float:
        text = piece * (size // len(piece)) + tail
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    for piece in HOSTILE:
        for tail in ("", "!", "@"):
            # 16 times as long: quadratic time would be 256 times as much, and minutes.
            small, large = seconds(piece, 1 << 13, tail), seconds(piece, 1 << 17, tail)
            assert large < 80 * max(small, 0.002), (piece, tail)


def test_every_row_finds_its_like() -> None:
    assert len({row.what for row in PATTERNS}) == len(PATTERNS)
    for row in PATTERNS:
        assert row.hints
        assert row.example
