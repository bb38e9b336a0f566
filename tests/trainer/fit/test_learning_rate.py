"""The learning rate rises, peaks, and falls or stays; it never is zero before the end."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.fit.learning_rate import WarmUpSchedule


def rates(schedule: WarmUpSchedule) -> np.ndarray:
    return np.array([float(np.asarray(schedule(step))) for step in range(schedule.steps)])


def test_cosine_rises_to_its_peak_and_falls_towards_zero() -> None:
    found = rates(WarmUpSchedule(0.1, steps=100, warm_up_steps=10, shape="cosine"))
    assert np.all(np.diff(found[:11]) > 0)
    assert found[10] == pytest.approx(0.1)
    assert np.all(np.diff(found[10:]) < 0)
    assert found[55] == pytest.approx(0.05)
    assert 0 < found[0] < 0.011 and 0 < found[-1] < 1e-4


def test_constant_stays_at_its_peak() -> None:
    found = rates(WarmUpSchedule(0.1, steps=30, warm_up_steps=4, shape="constant"))
    assert found[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert np.allclose(found[4:], 0.1)


def test_a_run_of_one_step_without_warm_up_learns() -> None:
    assert rates(WarmUpSchedule(0.1, steps=1, warm_up_steps=0, shape="cosine")).tolist() == pytest.approx([0.1])


def test_it_is_rebuilt_from_its_configuration() -> None:
    schedule = WarmUpSchedule(0.1, steps=20, warm_up_steps=3, shape="cosine")
    again = WarmUpSchedule.from_config(schedule.get_config())
    assert np.array_equal(rates(schedule), rates(again))
