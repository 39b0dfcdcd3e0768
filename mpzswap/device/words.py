"""
A device's own words in the board; it alone writes them.

    need_wakeup
    taken       one a work queue
    counters
    injected    one a kind of fault
    engines     one an engine: ns that it worked, where a profile's time is kept

Each part begins on a new cache line.
"""

from mpzswap.device.counters import COUNTER_WORDS
from mpzswap.topology.faults import Kind
from mpzswap.topology.settings import MAX_ENGINES, MAX_WQS

# Submitters look at the first two parts all the time, nobody often at the others.
LINE_WORDS = 8
NEED_WAKEUP = slice(0, 1)
TAKEN = slice(LINE_WORDS, LINE_WORDS + MAX_WQS)
COUNTERS_AT = 2 * LINE_WORDS
COUNTERS = slice(COUNTERS_AT, COUNTERS_AT + COUNTER_WORDS)
INJECTED_AT = COUNTERS_AT + -(-COUNTER_WORDS // LINE_WORDS) * LINE_WORDS
INJECTED = slice(INJECTED_AT, INJECTED_AT + len(Kind))
ENGINES_AT = INJECTED_AT + -(-len(Kind) // LINE_WORDS) * LINE_WORDS
# As many engines of either kind.
ENGINES = slice(ENGINES_AT, ENGINES_AT + 2 * MAX_ENGINES)
DEVICE_WORDS = ENGINES.stop

assert MAX_WQS <= LINE_WORDS, "the counters begin on a line of their own"
