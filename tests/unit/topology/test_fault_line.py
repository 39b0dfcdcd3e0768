"""A fault's line is read, written, or refused in one clear line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.completion.status import Status
from mpzswap.errors import InputError
from mpzswap.topology import faults
from mpzswap.topology.fault_line import (
    FIELD_OF_KEY,
    MAX_DELAY_NS,
    MAX_SEED,
    format_fault,
    keys_of,
    parse_fault,
)
from mpzswap.topology.faults import DEFAULT_DELAY_NS, Fault, Kind, Op

NUMBERS = st.integers(1, 10**9)
NAMES = st.text("Aaz09_.-", min_size=1, max_size=10)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "device": NAMES,
    "wq": NAMES,
    "op": st.sampled_from([Op.COMPRESS, Op.DECOMPRESS]),
    "after": NUMBERS,
    "every": NUMBERS,
    "p": st.floats(1e-6, 1),
    "count": NUMBERS,
    "seed": st.integers(0, MAX_SEED),
    "delay": st.integers(1, MAX_DELAY_NS // 1000).map(lambda us: us * 1000),
    "code": st.sampled_from([int(s) for s in Status if s > Status.SUCCESS]),
}


@st.composite
def any_fault(draw: st.DrawFn) -> Fault:
    """Give a fault that a line can say."""
    kind = draw(st.sampled_from(Kind))
    keys = set(draw(st.lists(st.sampled_from(keys_of(kind)))))
    if kind is Kind.STATUS:
        keys.add("code")
    values = {FIELD_OF_KEY[key]: draw(VALUES[key]) for key in sorted(keys)}
    usual = {"delay_ns": DEFAULT_DELAY_NS.get(kind, 0)}
    return Fault(kind=kind, **(usual | values))  # type: ignore[arg-type] # of any type


@given(any_fault())
def test_line_that_is_written_is_read_as_the_same(fault: Fault) -> None:
    """Whatever it says."""
    assert parse_fault(format_fault(fault)) == fault


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("crash", Fault(kind=Kind.CRASH)),
        (
            "wrong_data:p=1%,device=iax1,op=compress",
            Fault(kind=Kind.WRONG_DATA, p=0.01, device="iax1", op=Op.COMPRESS),
        ),
        ("lost:p=0.01", Fault(kind=Kind.LOST, p=0.01)),
        ("lost:p=0.5%", Fault(kind=Kind.LOST, p=0.005)),
        (
            "crash:after=500,device=iax0",
            Fault(kind=Kind.CRASH, after=500, device="iax0"),
        ),
        (
            "slow:delay=2ms,every=10",
            Fault(kind=Kind.SLOW, delay_ns=2_000_000, every=10),
        ),
        ("slow", Fault(kind=Kind.SLOW, delay_ns=1_000_000)),
        ("late", Fault(kind=Kind.LATE, delay_ns=10_000_000)),
        ("late:delay=100us", Fault(kind=Kind.LATE, delay_ns=100_000)),
        ("status:code=0x22", Fault(kind=Kind.STATUS, code=0x22)),
        ("status:code=34", Fault(kind=Kind.STATUS, code=0x22)),
        ("status:code=TRANSLATION_FAIL", Fault(kind=Kind.STATUS, code=0x22)),
        (
            "queue_full:wq=1,count=3,seed=0",
            Fault(kind=Kind.QUEUE_FULL, wq="1", count=3, seed=0),
        ),
    ],
)
def test_line_is_read(line: str, expected: Fault) -> None:
    """As the documentation has it."""
    assert parse_fault(line) == expected


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("wrong", "wrong: 'wrong': must be one of wrong_data, truncated, page_fault, "),
        ("", ": '': must be one of wrong_data, "),
        ("crash:", "crash:: '': must be KEY=VALUE"),
        ("crash:after", "crash:after: 'after': must be KEY=VALUE"),
        ("crash:after=5,after=6", "after: comes a second time"),
        (
            "crash:when=5",
            "'when': no key of crash, must be one of device, wq, op, after",
        ),
        ("crash:count=1", "'count': no key of crash"),
        ("stop:count=1", "'count': no key of stop"),
        ("queue_full:op=verify", "'op': no key of queue_full"),
        ("lost:delay=1s", "'delay': no key of lost"),
        ("watchdog:code=0x22", "'code': no key of watchdog"),
        ("lost:p=0", "p: '0': must be above 0 and at most 1, or 100%"),
        ("lost:p=101%", "p: '101%': must be above 0"),
        ("lost:p=nan", "p: 'nan': must be above 0"),
        ("lost:p=1.1.1", "p: '1.1.1': must be above 0"),
        ("lost:every=0", "every: '0': must be a whole number from 1 to 1000000000000"),
        ("lost:count=0", "count: '0': must be a whole number from 1 to"),
        ("lost:after=-1", "after: '-1': must be a whole number from 0 to"),
        ("lost:seed=" + "9" * 5000, "must be a whole number from 0 to"),
        (
            "late:delay=5",
            "delay: '5': must be a time with us, ms or s, above 0 and at ",
        ),
        ("late:delay=0ms", "delay: '0ms': must be a time"),
        (
            "late:delay=11s",
            "delay: '11s': must be a time with us, ms or s, above 0 and ",
        ),
        ("status", "status: code: missing, must be given"),
        ("status:code=SUCCESS", "code: 'SUCCESS': must be an error of completion"),
        ("status:code=0", "code: '0': must be an error"),
        ("status:code=0x7f", "code: '0x7f': must be an error"),
        ("lost:op=read", "op: 'read': must be one of compress, decompress, verify"),
        (
            "truncated:op=verify",
            "op: verify: must be compress or decompress, it has no",
        ),
        ("lost:device=", "device: '': must be a name"),
        ("lost:wq=a b", "wq: 'a b': must be a name"),
    ],
)
def test_wrong_line_is_refused(line: str, refusal: str) -> None:
    """It is told what is wrong, and what it must be."""
    with pytest.raises(InputError) as caught:
        parse_fault(line)

    text = str(caught.value)
    assert refusal in text
    assert "\n" not in text
    assert len(text) < 300


@pytest.mark.parametrize("word", [*Kind, *(f"{key}=" for key in FIELD_OF_KEY)])
def test_every_kind_and_key_is_in_the_table(word: str) -> None:
    """Of the module that users are sent to."""
    assert f"    {word}" in (faults.__doc__ or "")
