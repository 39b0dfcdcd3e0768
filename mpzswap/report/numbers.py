"""Numbers as people read them; no other module formats any."""

KIB = 1024
SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
MINUTE_S = 60
HOUR_S = 3600
# Below it two digits behind the point do not tell enough.
SHORT_S = 0.1


def count(value: int) -> str:
    """Give a count, its thousands apart: 65,536."""
    return f"{value:,}"


def plural(value: int, thing: str) -> str:
    """Give a count of things: 1 page, 2 pages."""
    return f"{count(value)} {thing}{'' if value == 1 else 's'}"


def digits(value: float) -> str:
    """Give three digits, or all of those before the point: 1.23, 12.3, 1,234."""
    if value == int(value) and value < KIB:
        return f"{value:.0f}"
    places = 2 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004 - digits
    return f"{value:,.{places}f}"


def size(value: float) -> str:
    """Give bytes in the largest unit that keeps at least one: 12.3 MiB."""
    power = 0
    while value >= KIB and power < len(SIZE_UNITS) - 1:
        value, power = value / KIB, power + 1
    return f"{digits(value)} {SIZE_UNITS[power]}"


def rate(bytes_per_s: float) -> str:
    """Give bytes a second: 123 MiB/s."""
    return f"{size(bytes_per_s)}/s"


def mib_per_s(bytes_per_s: float) -> str:
    """Give bytes a second in MiB, for a column that says so."""
    return digits(bytes_per_s / KIB**2)


def micros(ns: float) -> str:
    """Give ns in us, for a column that says so."""
    return digits(ns / 1000)


def seconds(value: float) -> str:
    """Give seconds: 1.23 s; what is short in ms: 12.3 ms."""
    if 0 < value < SHORT_S:
        return f"{digits(1000 * value)} ms"
    return f"{digits(value)} s"


def percent(part: float, whole: float = 1.0) -> str:
    """Give a share in percent: 12.3 %; "-" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def ratio(value: float) -> str:
    """Give how many times: 2.06; "-" where there is none."""
    return f"{value:.2f}" if value else "-"


def fine_ratio(value: float) -> str:
    """Give how many times where percents matter: 1.176."""
    return f"{value:.3f}"


def signed_percent(value: float) -> str:
    """Give how much more or less, of percents: +1.2 %."""
    return f"{value:+.1f} %"


def clock_time(value: float) -> str:
    """Give seconds as a clock shows them: 0:07, 1:02:03."""
    whole = round(value)
    minutes, rest = whole // MINUTE_S, whole % MINUTE_S
    if whole < HOUR_S:
        return f"{minutes}:{rest:02}"
    return f"{whole // HOUR_S}:{minutes % MINUTE_S:02}:{rest:02}"
