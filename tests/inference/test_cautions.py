"""The tests of a fit, on a law so plain that they are those of a textbook."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from hebraud.inference.fit import Fit
from hebraud.inference.posterior import Posterior
from hebraud.inference.problem import Problem, solve


class Constant:
    """The same value everywhere: its fit is the mean."""

    names = ("level",)
    quick = True

    def __init__(self, abscissa):
        self.abscissa = abscissa

    def values(self, log):
        return np.full(self.abscissa.size, np.exp(log[0]))

    def slopes(self, log):
        return self.values(log), self.values(log)[:, None]

    def at(self, abscissa):
        return Constant(abscissa)


def mean_of(data):
    x = np.arange(1.0, data.size + 1.0)
    problem = Problem(Constant(x), data, None, False, {"level": 90.0}, frozenset(), {})
    return Fit(x, problem, solve(problem), ("x", "y"))


def test_a_fit_of_a_constant_is_the_mean():
    data = 100.0 + np.array([1.0, -2.0, 0.5, 3.0, -1.0])
    fit = mean_of(data)
    level = fit.estimate("level")
    assert level.value == pytest.approx(data.mean(), rel=1e-9)
    assert level.stderr == pytest.approx(scipy.stats.sem(data), rel=1e-6)
    assert fit.predict([0.5, 7.0]) == pytest.approx(data.mean())


@pytest.mark.parametrize("points", [8, 25])
@pytest.mark.parametrize("off", [0.999, 1.001])
def test_an_outlier_lies_beyond_students_law_of_the_others(points, off):
    """At 1 % a data set: 0.005/n on either side, n - 2 degrees of freedom of the others."""
    others = 100.0 + scipy.stats.norm.ppf((np.arange(points - 1) + 0.5) / (points - 1))
    limit = scipy.stats.t.isf(0.005 / points, points - 2)
    beyond = off * limit * others.std(ddof=1) * np.sqrt(1.0 + 1.0 / (points - 1))
    data = np.insert(np.random.default_rng(0).permutation(others), 3, others.mean() + beyond)
    named = [w.points for w in mean_of(data).warnings if w.kind == "outlier"]
    assert named == ([(3,)] if off > 1.0 else [])


def test_an_interval_of_a_posterior_leaves_as_much_on_either_side():
    samples = {"level": np.random.default_rng(0).permutation(np.linspace(0.0, 1.0, 1001))}
    short, long = (Posterior(samples, time, 1000, 0.5, None) for time in (20.0, 19.9))
    assert long.interval("level", 0.9) == pytest.approx((0.05, 0.95))
    assert (short.converged, long.converged) == (False, True)
