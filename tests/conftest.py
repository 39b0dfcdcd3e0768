"""Let tests import their tools; the package under test is the installed one."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# Appended: where mpzswap is installed, that is what is tested, not this checkout.
sys.path.append(str(Path(__file__).parents[1]))

# No test depends on time: a loaded machine may have no core for us for long, and what
# hangs is ended by pytest's own limit.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: whoever changes a thing sees what came of it, and not
# what chance found now.  To look for more: pytest --hypothesis-profile=search
settings.register_profile("mpzswap", patient, derandomize=True)
settings.register_profile("search", patient, max_examples=1000)
settings.load_profile("mpzswap")
