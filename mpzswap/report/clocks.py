"""Which clock numbers come from, in words."""

CLOCKS = {
    "work": "work: wall time of this host, whose devices are processes; not IAA's",
    "model": "model: a profile's time, kept by processes",
    "virtual": "virtual: a profile's time, simulated",
}


def clock_words(name: str) -> str:
    """Give what the clock *name* is; one that we do not know, by its name."""
    return CLOCKS.get(name, name)
