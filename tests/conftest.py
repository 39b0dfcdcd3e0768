"""Let tests import their tools; the package under test is the installed one."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# Appended: where mpzswap is installed, that is what is tested, not this checkout.
sys.path.append(str(Path(__file__).parents[1]))

# No test depends on time: a loaded machine may have no core for us for long, and what
# hangs is ended by pytest's own limit.
settings.register_profile(
    "mpzswap", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("mpzswap")
