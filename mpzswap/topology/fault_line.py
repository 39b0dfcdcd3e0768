"""
The line of a fault, read and written; what it may say is in ``topology.faults``.

    line --parse_fault--> Fault --format_fault--> line
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mpzswap.completion.status import Status
from mpzswap.errors import InputError
from mpzswap.topology.faults import DAMAGE, DEFAULT_DELAY_NS, ENDS, Fault, Kind, Op

UNITS_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000}
# Ours: more than any run has descriptors.
MAX_COUNT = 1_000_000_000_000
# As --seed has it: what JSON's readers keep whole.
MAX_SEED = (1 << 53) - 1
# Ours: a device that does not answer its parent for 5 s is ended, which stop is for.
MAX_DELAY_NS = 10_000_000_000
# A line longer than this is cut where it is shown.
MAX_SHOWN_CHARACTERS = 60


def parse_fault(line: str) -> Fault:
    """
    Read a line; ``format_fault`` undoes it.

    Raises:
        InputError: it is wrong.
    """
    name, colon, rest = line.partition(":")
    try:
        kind = _one_of(Kind, name)
        fault = Fault(kind=kind, **_values(kind, rest.split(",") if colon else []))
        _check(fault)
    except InputError as error:
        raise InputError(f"{_shown(line)}: {error}") from error
    return fault


def _check(fault: Fault) -> None:
    """Refuse what one key of a line says of another."""
    if fault.kind is Kind.STATUS and not fault.code:
        raise InputError("code: missing, must be given")
    if fault.kind in DAMAGE and fault.op is Op.VERIFY:
        raise InputError("op: verify: must be compress or decompress, it has no output")


def format_fault(fault: Fault) -> str:
    """Give the line of a fault."""
    usual = Fault(kind=fault.kind, delay_ns=DEFAULT_DELAY_NS.get(fault.kind, 0))
    parts = []
    for key, field in FIELD_OF_KEY.items():
        value = getattr(fault, field)
        if value != getattr(usual, field):
            parts.append(f"{key}={FORMAT.get(key, str)(value)}")
    return f"{fault.kind}:{','.join(parts)}" if parts else str(fault.kind)


def _values(kind: Kind, parts: Sequence[str]) -> dict[str, Any]:
    """Read the keys of a line."""
    values: dict[str, Any] = {}
    if kind in DEFAULT_DELAY_NS:
        values["delay_ns"] = DEFAULT_DELAY_NS[kind]
    seen = set()
    for part in parts:
        key, equals, text = part.partition("=")
        if not equals:
            raise InputError(f"{_shown(part)!r}: must be KEY=VALUE")
        if key not in keys_of(kind):
            raise InputError(
                f"{_shown(key)!r}: no key of {kind}, must be one of "
                f"{', '.join(keys_of(kind))}"
            )
        if key in seen:
            raise InputError(f"{key}: comes a second time")
        seen.add(key)
        try:
            values[FIELD_OF_KEY[key]] = READ[key](text)
        except InputError as error:
            raise InputError(f"{key}: {error}") from error
    return values


def keys_of(kind: Kind) -> list[str]:
    """Give the keys that are of use for a kind."""
    useless = {
        # Whose attempt it is, a queue's places do not know.
        "op": kind is Kind.QUEUE_FULL,
        "count": kind in ENDS,
        "delay": kind not in DEFAULT_DELAY_NS,
        "code": kind is not Kind.STATUS,
    }
    return [key for key in FIELD_OF_KEY if not useless.get(key)]


# Values


def _one_of(names: type[Kind | Op], text: str) -> Any:  # noqa: ANN401 - one of them
    try:
        return names(text)
    except ValueError as error:
        raise InputError(
            f"{_shown(text)!r}: must be one of {', '.join(names)}"
        ) from error


def _word(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_.-]{1,64}", text):
        raise InputError(f"{_shown(text)!r}: must be a name")
    return text


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        # Python refuses to read numbers of thousands of digits.
        plain = re.fullmatch("[0-9]{1,20}", text)
        if not plain or not lowest <= int(text) <= highest:
            raise InputError(
                f"{_shown(text)!r}: must be a whole number from {lowest} to {highest}"
            )
        return int(text)

    return read


def _probability(text: str) -> float:
    number, percent = text.removesuffix("%"), text.endswith("%")
    plain = re.fullmatch(r"[0-9.]{1,32}(e-[0-9]{1,3})?", number)
    try:
        value = float(number) / (100 if percent else 1) if plain else 0
    except ValueError:  # Two points.
        value = 0
    if not 0 < value <= 1:
        raise InputError(f"{_shown(text)!r}: must be above 0 and at most 1, or 100%")
    return value


def _delay(text: str) -> int:
    found = re.fullmatch("([0-9]{1,12})(s|ms|us)", text)
    value = int(found[1]) * UNITS_NS[found[2]] if found else 0
    if not 0 < value <= MAX_DELAY_NS:
        raise InputError(
            f"{_shown(text)!r}: must be a time with us, ms or s, above 0 and at most "
            f"{_format_delay(MAX_DELAY_NS)}"
        )
    return value


def _format_delay(delay_ns: int) -> str:
    unit = next(unit for unit, ns in UNITS_NS.items() if not delay_ns % ns)
    return f"{delay_ns // UNITS_NS[unit]}{unit}"


def _code(text: str) -> int:
    number = re.fullmatch("0x[0-9a-fA-F]{1,2}|[0-9]{1,3}", text)
    known = {int(status): status.name for status in Status if status > Status.SUCCESS}
    for code, name in known.items():
        if text == name or (number and int(text, 0 if "x" in text else 10) == code):
            return code
    raise InputError(
        f"{_shown(text)!r}: must be an error of completion.status.Status, by its name "
        "or its number, as HW_ERR1 or 0x20"
    )


def _shown(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= MAX_SHOWN_CHARACTERS:
        return line
    return f"{line[:MAX_SHOWN_CHARACTERS]}..."


READ: Mapping[str, Callable[[str], Any]] = {
    "device": _word,
    "wq": _word,
    "op": lambda text: _one_of(Op, text),
    "after": _whole(0, MAX_COUNT),
    "every": _whole(1, MAX_COUNT),
    "p": _probability,
    "count": _whole(1, MAX_COUNT),
    "seed": _whole(0, MAX_SEED),
    "delay": _delay,
    "code": _code,
}
FORMAT: Mapping[str, Callable[[Any], str]] = {
    "delay": _format_delay,
    "code": lambda code: Status(code).name,
}
FIELD_OF_KEY = {key: "delay_ns" if key == "delay" else key for key in READ}
