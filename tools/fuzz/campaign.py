"""
A campaign: batches of mutants into a lane, and after each a look at every byte.

    make -> publish -> foretell (the device works meanwhile) -> wait -> compare

A mutant that would write into the lane itself goes alone: its lane is its submitter's
own memory, but what stands there decides what the device runs next.  Where it hits the
index, or where the campaign writes one that cannot be, the device has to give the lane
up, and only that.  A second submitter has good descriptors done beside all of it.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from mpzswap.codec.table import make_codec
from mpzswap.completion.status import Status
from mpzswap.device.counters import DeviceCounters
from mpzswap.ring.descriptor import DESCRIPTOR
from mpzswap.ring.lane import TAIL_WORD
from tools.fuzz.ground import MAX_TRANSFER, Ground
from tools.fuzz.memory import CAPACITY, Batch, Party
from tools.fuzz.mutants import Mutants, good
from tools.fuzz.oracle import UNREPORTED, Foretold, Oracle, touches_lane, verdicts

# Not all of the lane's places, so that batches begin anywhere in it.
BATCH = 1000
# Descriptors of the second submitter beside each batch.
NEIGHBOURS = 4
# An index that cannot be is written after so many batches.
BREAK_EVERY = 16
# A batch takes some 20 ms; the rest is for a loaded machine.
ANSWER_LIMIT_S = 20.0


class ViolationError(Exception):
    """The device did what it must not, or did not do what it must."""


@dataclass
class Tally:
    """What a campaign came to; so the device must have counted it."""

    # Descriptors by their status, as foretold; UNREPORTED too.
    statuses: Counter[int] = field(default_factory=Counter)
    # Answered with a status that nobody could foretell.
    unforeseen: int = 0
    interrupts: int = 0
    broken_lanes: int = 0
    # Of the statuses those of the second submitter.
    neighbours: int = 0
    # Sent by themselves, since they write into their lane.
    alone: int = 0
    # Not sent: they would have made old descriptors ready again, or might have.
    left_out: int = 0

    def add(self, foretold: Foretold) -> None:
        """Count what comes of a batch."""
        self.statuses.update(foretold.statuses)
        self.unforeseen += foretold.unforeseen
        self.interrupts += foretold.interrupts

    @property
    def taken(self) -> int:
        """All that the device was sent."""
        return self.statuses.total() + self.unforeseen

    @property
    def hostile(self) -> int:
        """Those of the hostile submitter."""
        return self.taken - self.neighbours

    def difference(self, counters: DeviceCounters) -> str:
        """Say what the device has counted otherwise; nothing if it has not."""
        unreported = self.statuses[UNREPORTED]
        errors = self.taken - unreported - self.unforeseen
        errors -= self.statuses[Status.SUCCESS]
        for name, least, most in (
            ("unreported", unreported, unreported),
            ("descriptors", self.taken - unreported, self.taken - unreported),
            ("errors", errors, errors + self.unforeseen),
            ("interrupts", self.interrupts, self.interrupts),
            ("broken_lanes", self.broken_lanes, self.broken_lanes),
        ):
            counted = getattr(counters, name)
            if not least <= counted <= most:
                return f"the device has {name} {counted}, must be {least} to {most}"
        return ""


class Campaign:
    """
    Sends batches to one device.

    Args:
        stood: the device and two submitters, the hostile one first.
        compressor: what the device runs.
        seed: every batch follows from it and its number.
    """

    def __init__(self, stood: Ground, compressor: str, seed: int) -> None:
        self.tally = Tally()
        self._ground = stood
        self._party, self._neighbour = stood.parties
        self._seed = seed
        self._mutants = Mutants(self._party, self._neighbour, MAX_TRANSFER)
        codec = make_codec(compressor)
        self._oracles = {party.pasid: Oracle(party, codec) for party in stood.parties}

    def run_batch(self, number: int, count: int = BATCH) -> None:
        """
        Send batch *number*, of *count* descriptors.

        Raises:
            ViolationError: the device, or a byte, is not as it must be.
        """
        rng = np.random.default_rng([self._seed, number])
        batch = self._mutants.make(rng, count)
        verdict = verdicts(batch, self._party, MAX_TRANSFER)
        alone = touches_lane(batch, self._party, verdict)
        self._round([(self._party, batch[~alone]), self._beside(rng)])
        for index in np.flatnonzero(alone):
            self._send_alone(batch[index : index + 1])
        if number % BREAK_EVERY == 0:
            self._break_lane(rng)

    def _beside(self, rng: Generator) -> tuple[Party, Batch]:
        """Give what the second submitter has done meanwhile."""
        self.tally.neighbours += NEIGHBOURS
        return self._neighbour, good(rng, NEIGHBOURS, self._neighbour)

    def _round(self, parts: Sequence[tuple[Party, Batch]]) -> None:
        """Have batches done, each on the lane of its submitter."""
        for party, batch in parts:
            party.fill(batch)
        for party, batch in parts:
            party.lane.publish(len(batch))
        self._ground.ring()
        interrupts = {}
        for party, batch in parts:
            foretold = self._foretell(party, batch)
            self.tally.add(foretold)
            interrupts[party.pasid] = foretold.interrupts
        self._settle(interrupts)
        for party, _ in parts:
            if (left := party.lane.space_left()) != CAPACITY:
                raise ViolationError(f"pasid {party.pasid}: {left} free in its lane")

    def _foretell(self, party: Party, batch: Batch) -> Foretold:
        verdict = verdicts(batch, party, MAX_TRANSFER)
        return self._oracles[party.pasid].foretell(batch, verdict)

    def _send_alone(self, single: Batch) -> None:
        """Have one done that writes into its own lane."""
        party = self._party
        party.fill(single)
        foretold = self._foretell(party, single)
        tail, mine = party.foretold_tail, party.lane.published + 1
        if tail is None or mine < tail <= mine + CAPACITY:
            self.tally.left_out += 1
            return
        broken = tail != mine
        self.tally.alone += 1
        self.tally.add(foretold)
        self.tally.broken_lanes += broken
        party.lane.publish(1)
        self._ground.ring()
        self._settle({party.pasid: foretold.interrupts})
        if broken:
            self._ground.replace_lane(party)
        else:
            party.write_index(0, party.lane.published)

    def _break_lane(self, rng: Generator) -> None:
        """Write an index that cannot be; the second submitter goes on."""
        party = self._party
        party.fill(np.zeros(0, DESCRIPTOR))
        wrong = impossible_indices(party.lane.published)
        party.write_index(TAIL_WORD, wrong[rng.integers(0, len(wrong))])
        self.tally.broken_lanes += 1
        self._round([self._beside(rng)])
        self._ground.replace_lane(party)

    # What must be

    def _settle(self, interrupts: dict[int, int]) -> None:
        """Wait for the device, then look at all that it may and may not have done."""
        counters = self._wait()
        found = [self.tally.difference(counters), self._ground.complaint()]
        for party in self._ground.parties:
            found += [memory.difference() for memory in party.memories]
            wanted, raised = interrupts.get(party.pasid, 0), party.interrupts()
            if raised != wanted:
                found.append(
                    f"pasid {party.pasid}: {raised} interrupts, must be {wanted}"
                )
        if problems := list(filter(None, found)):
            raise ViolationError("; ".join(problems))

    def _wait(self) -> DeviceCounters:
        """Wait until all is taken and answered, and lanes that are broken given up."""
        until = time.monotonic() + ANSWER_LIMIT_S
        while True:
            counters = self._ground.counters()
            done = counters.descriptors + counters.unreported
            if (
                done >= self.tally.taken
                and counters.broken_lanes >= self.tally.broken_lanes
            ):
                return counters
            if complaint := self._ground.complaint():
                raise ViolationError(complaint)
            if time.monotonic() > until:
                raise ViolationError(
                    f"{done} descriptors done and {counters.broken_lanes} lanes given "
                    f"up after {ANSWER_LIMIT_S} s, must be {self.tally.taken} and "
                    f"{self.tally.broken_lanes}"
                )


def impossible_indices(published: int) -> list[int]:
    """Give what no producer that keeps the rules can have written."""
    values = [
        *(published + CAPACITY + 1, published + (1 << 32), published - 1, 0),
        *(1 << 63, (1 << 64) - 1, (1 << 64) - CAPACITY, published + CAPACITY * 2),
    ]
    return [
        value
        for value in values
        if not published <= value <= published + CAPACITY and value >= 0
    ]
