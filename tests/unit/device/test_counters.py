"""Counters are published as words and read back."""

from dataclasses import astuple

from mpzswap.device.counters import COUNTER_WORDS, DeviceCounters


def test_counters_come_back() -> None:
    """Each from its own word."""
    counters = DeviceCounters(*range(1, COUNTER_WORDS + 1))
    words = memoryview(bytearray(8 * (COUNTER_WORDS + 2))).cast("Q")
    counters.publish(words)

    assert DeviceCounters.read(words) == counters
    assert words.tolist() == [*astuple(counters), 0, 0]
