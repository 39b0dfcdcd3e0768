"""Any 64 bytes at all: a device answers with a status, and does what the rules say."""

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpzswap.clock.work import WorkClock
from mpzswap.codec.table import CODECS, make_codec
from mpzswap.completion.status import Status
from mpzswap.device.check import Descriptor, Refusal, find_refusal
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.engine import Engine
from mpzswap.ring.descriptor import DESCRIPTOR, DESCRIPTOR_BYTES, DESCRIPTOR_STRUCT
from tools.fuzz.ground import MAX_TRANSFER
from tools.fuzz.memory import RECORDS, Batch, Party, parties
from tools.fuzz.mutants import BITS, Mutants, good
from tools.fuzz.oracle import UNREPORTED, Oracle, touches_lane, verdicts

CLIENT = Client(1, interrupts={1: -1})
RAW = st.binary(min_size=DESCRIPTOR_BYTES, max_size=DESCRIPTOR_BYTES)


class Rig:
    """An engine and two submitters, of which it knows both."""

    def __init__(self, compressor: str) -> None:
        self.party, self.other = parties(compressor)
        self.party.new_lane()
        self.other.new_lane()
        self.counters = DeviceCounters()
        self.engine = Engine(
            make_codec(compressor), MAX_TRANSFER, WorkClock(), self.counters
        )
        self.client = client_of(self.party)
        self.oracle = Oracle(self.party, make_codec(compressor))
        self.mutants = Mutants(self.party, self.other, MAX_TRANSFER)

    def close(self) -> None:
        """Give all back."""
        for party in (self.party, self.other):
            party.close()

    def run(self, batch: Batch) -> None:
        """Have the engine do it, and the oracle say what must come of it."""
        self.party.fill(np.zeros(0, DESCRIPTOR))
        verdict = verdicts(batch, self.party, MAX_TRANSFER)
        batch = batch[~touches_lane(batch, self.party, verdict)]
        unreported = self.counters.unreported
        self.engine.run(batch.tobytes(), self.client)
        verdict = verdicts(batch, self.party, MAX_TRANSFER)
        foretold = self.oracle.foretell(batch, verdict)

        problems = [memory.difference() for memory in self.party.memories]
        assert problems == ["", ""]
        told = foretold.statuses.get(UNREPORTED, 0)
        assert self.counters.unreported - unreported == told
        assert self.party.interrupts() == foretold.interrupts


def client_of(party: Party) -> Client:
    """Give what the device knows of a submitter."""
    client = Client(party.pasid, interrupts={party.handle: party.eventfd})
    for memory in party.memories:
        client.attach(memory.segment)
    return client


@contextlib.contextmanager
def made(compressor: str) -> Iterator[Rig]:
    """Give a rig, and take it away."""
    rig = Rig(compressor)
    yield rig
    rig.close()


@pytest.fixture(scope="module", params=CODECS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Give a rig of each codec."""
    with made(request.param) as rig:
        yield rig


@st.composite
def fields(draw: st.DrawFn) -> Descriptor:
    """Give a descriptor with any value in each field."""
    return Descriptor(*(draw(st.integers(0, (1 << b) - 1)) for b in BITS.values()))


@settings(deadline=None)
@given(fields())
@example(Descriptor(*[0] * len(BITS)))
@example(Descriptor(*[(1 << bits) - 1 for bits in BITS.values()]))
def test_check_gives_a_status_or_nothing(descriptor: Descriptor) -> None:
    """Whatever is in the fields, it never raises."""
    refusal = find_refusal(descriptor, CLIENT, MAX_TRANSFER)

    assert refusal is None or isinstance(refusal, Refusal)
    assert refusal is None or refusal.status in Status


@settings(deadline=None)
@given(raw=RAW, record=st.integers(0, 15))
def test_raw_bytes_with_an_address_have_an_answer(
    rig: Rig, raw: bytes, record: int
) -> None:
    """A status that there is, and not a byte of anything else."""
    descriptor = Descriptor._make(DESCRIPTOR_STRUCT.unpack(raw))
    at = RECORDS.start + record * 64
    descriptor = descriptor._replace(
        completion_addr=rig.party.at(at), flags_opcode=descriptor.flags_opcode | 0x4
    )
    rig.run(np.frombuffer(DESCRIPTOR_STRUCT.pack(*descriptor), DESCRIPTOR))

    assert Status(int(rig.party.data.real[at])) is not Status.NONE


@settings(deadline=None)
@given(st.lists(RAW, max_size=5))
def test_raw_bytes_change_nothing(rig: Rig, raw: list[bytes]) -> None:
    """Without an address by chance there is nowhere to answer, and none does."""
    rig.run(np.frombuffer(b"".join(raw), DESCRIPTOR))


@settings(deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_mutants_do_what_the_rules_say(rig: Rig, seed: int) -> None:
    """Every byte of both segments is as an oracle with its own rules foretells it."""
    rig.run(rig.mutants.make(np.random.default_rng(seed), 20))


def test_good_descriptors_succeed(rig: Rig) -> None:
    """The mutants begin as descriptors that are run."""
    batch = good(np.random.default_rng(1), 50, rig.party)
    answers = verdicts(batch, rig.party, MAX_TRANSFER)
    rig.run(batch)

    statuses = rig.party.data.real[RECORDS.start : RECORDS.start + 50 * 64 : 64]
    assert set(answers.tolist()) == {-2}
    assert Status.SUCCESS in statuses.tolist()
