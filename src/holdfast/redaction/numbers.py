"""Card numbers and IBANs: told from other long numbers by their check digits."""

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_CARD_LENGTHS = range(12, 20)

# Cards of networks begin with 2 to 6 (ISO/IEC 7812: 1 is for airlines, 7 for fuel, 8 for
# telecommunication, 9 for national use); so no time in milliseconds, microseconds or nanoseconds
# is a card before the year 2033.
_CARD_STARTS = frozenset("23456")

_IBAN_LENGTHS = range(15, 35)


def is_card(digits: str) -> bool:
    """Whether a number could be a card's: length, first digit, and Luhn's check digit."""
    if len(digits) not in _CARD_LENGTHS or digits[0] not in _CARD_STARTS:
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        total += _DOUBLED[value] if index & 1 else value
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text without separators is an IBAN: its remainder by 97 is 1 (ISO 13616)."""
    if len(text) not in _IBAN_LENGTHS:
        return False
    turned = text[4:] + text[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1
