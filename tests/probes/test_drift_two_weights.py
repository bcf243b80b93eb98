"""Two-weight scores take a score apart without remainder, each part where it was planted."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from probes import ProbeError
from probes.mean_based import fit_difference_of_means
from probes.realignment import fit_realignment, realigned
from probes.two_weights import two_weight_scores
from tests.probes.planted import plant

ROWS = plant(100, 16, 4.0)
PROBE = fit_difference_of_means(ROWS.x, ROWS.y, ROWS.groups)


def test_the_parts_add_up():
    x_new = ROWS.x + np.random.default_rng(0).standard_normal(ROWS.x.shape)
    parts = two_weight_scores(PROBE, ROWS.x, x_new)
    np.testing.assert_array_equal(parts.scores_ref, PROBE.decision_function(ROWS.x))
    np.testing.assert_allclose(parts.scores_new, PROBE.decision_function(x_new), rtol=1e-6)


def test_what_is_in_the_text_and_what_is_in_the_weights_are_told_apart():
    silent = ROWS.x[ROWS.y == 0]
    said = two_weight_scores(PROBE, silent + 6 * ROWS.direction, silent + 6 * ROWS.direction)
    assert said.fires_in_text(0.0).mean() > 0.9
    assert not said.fires_in_weights_alone(0.0).any()
    thought = two_weight_scores(PROBE, silent, silent + 6 * ROWS.direction)
    assert thought.fires_in_text(0.0).mean() < 0.1
    assert thought.fires_in_weights_alone(0.0).mean() > 0.8


def test_behind_the_map_a_rotation_adds_nothing():
    rotation = ortho_group.rvs(16, random_state=1)
    control = np.random.default_rng(2).standard_normal((200, 16))
    found = fit_realignment(control, control @ rotation, np.arange(200))
    drifted = two_weight_scores(PROBE, ROWS.x, ROWS.x @ rotation)
    back = two_weight_scores(PROBE, ROWS.x, ROWS.x @ rotation, probe_new=realigned(PROBE, found))
    assert np.abs(drifted.delta).mean() > 1
    assert np.abs(back.delta).max() < 0.05


def test_other_rows_are_refused():
    with pytest.raises(ProbeError, match="same rows twice; got 200 and 199"):
        two_weight_scores(PROBE, ROWS.x, ROWS.x[1:])
