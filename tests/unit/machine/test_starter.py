"""A child in a system that does not give all that it asks for."""

from pathlib import Path

import pytest

from mpzswap.machine import starter


def test_timer_slack_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In nanoseconds."""
    monkeypatch.setattr(starter, "TIMER_SLACK", tmp_path / "slack")
    starter.set_timer_slack()

    assert (tmp_path / "slack").read_text() == "1000"


def test_child_lives_without_timer_slack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is about speed alone."""
    monkeypatch.setattr(starter, "TIMER_SLACK", tmp_path / "no" / "slack")
    starter.set_timer_slack()
