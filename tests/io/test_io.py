"""Results in files: what comes back is what went in, to the bit, or a clear error."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.inference import fit_flow_curve, fit_herschel_bulkley_law, fit_startup
from hebraud.io import FORMAT, UnreadableFile, load, provenance, save
from hebraud.model.laws.threshold_law import ThresholdLaw

FORMAT_1 = Path(__file__).parents[1] / "data" / "results_format_1"
S = np.linspace(-4.0, 4.0, 801)


def travelled(result, folder):
    save(result, folder / "result.h5")
    return load(folder / "result.h5")


def same(one, other):
    """Equal to the bit, in dtype, in order in memory, and all the way down; for the tests only."""
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.strides == other.strides
        assert one.tobytes() == other.tobytes()
    elif dataclasses.is_dataclass(one):
        assert type(one) is type(other)
        for field in dataclasses.fields(one):
            if field.name != "_key":
                same(getattr(one, field.name), getattr(other, field.name))
    elif hasattr(one, "__self__"):
        same(one.__self__, other.__self__)
        assert one.__name__ == other.__name__
    elif hasattr(one, "dist"):
        assert (one.dist.name, one.args, one.kwds) == (other.dist.name, other.args, other.kwds)
    else:
        assert type(one) is type(other) or isinstance(one, np.generic)
        assert one == other


# -- models drawn from all slots ------------------------------------------------------------------
positive = st.floats(1e-6, 1e6)
finite = st.floats(-1e300, 1e300)
drops = st.floats(1e-3, 1.0)
weights = st.lists(st.integers(1, 99), min_size=1, max_size=4).map(
    lambda parts: [part / sum(parts) for part in parts]
)
scipy_laws = st.one_of(
    st.builds(scipy.stats.norm, st.floats(0.5, 2.0), st.floats(0.01, 1.0)),
    st.builds(scipy.stats.norm, st.integers(1, 3), scale=st.floats(0.01, 1.0)),
    st.builds(scipy.stats.weibull_min, st.floats(0.5, 5.0), scale=positive),
    st.builds(scipy.stats.gamma, st.floats(0.5, 9.0).map(np.float64)),
)
samples = st.lists(positive, min_size=1, max_size=30)
threshold_laws = st.builds(
    lambda parts, scale: ThresholdLaw(
        scale * (1.0 + np.arange(len(parts))), parts, None, 1e-9
    ),
    weights,
    positive,
)  # fmt: skip
laws = st.one_of(scipy_laws, samples, threshold_laws)
models = st.builds(
    hl.Model,
    st.one_of(*(st.builds(c, positive) for c in (hl.ActivityNoise, hl.DropNoise, hl.FixedNoise))),
    relaxation=st.one_of(
        st.builds(hl.FractionalDrop, drops),
        st.builds(hl.ResidualStress, st.floats(0.0, 2.0)),
        st.builds(hl.GaussianLanding, drops, positive),
        weights.flatmap(
            lambda w: st.builds(
                hl.Landing,
                st.lists(finite, min_size=len(w), max_size=len(w)),
                st.just(w),
                st.booleans(),
            )
        ),
    ),
    thresholds=st.one_of(positive, st.builds(hl.Redrawn, laws), st.builds(hl.Quenched, laws)),
    yielding=st.one_of(st.just(hl.ConstantRate()), st.builds(hl.PowerRate, st.floats(0.0, 3.0))),
)
columns = st.integers(1, 8).flatmap(
    lambda n: st.tuples(
        *(st.lists(finite, min_size=n, max_size=n) for _ in range(2)),
        st.none() | st.lists(positive, min_size=n, max_size=n),
        *(st.none() | st.lists(finite, min_size=n, max_size=n) for _ in range(2)),
    )
)
curves = st.builds(
    lambda row, scales, model: hl.FlowCurve(*row, scales, model),
    columns,
    st.none() | st.builds(hl.Scales, positive, positive, positive),
    st.none() | models,
)


@settings(max_examples=60)
@given(curve=curves)
def test_a_flow_curve_of_any_model_comes_back(curve, tmp_path_factory):
    loaded = travelled(curve, tmp_path_factory.getbasetemp())
    same(curve, loaded)
    if not isinstance(getattr(getattr(curve.model, "thresholds", None), "law", None), ThresholdLaw):
        assert loaded == curve
        assert repr(loaded) == re.sub(r"np\.float64\((.*?)\)", r"\1", repr(curve))


# -- states and runs ------------------------------------------------------------------------------
LAW = hl.Redrawn(scipy.stats.norm(1.0, scale=0.3))
STATES = {
    "classical": (hl.Model(0.3), 1e-3, None),
    "at rest": (hl.Model(0.7), 0.0, None),
    "backwards": (hl.Model(0.3, relaxation=hl.ResidualStress(0.2)), -0.1, None),
    "redrawn": (hl.Model(0.3, thresholds=hl.Redrawn([0.8, 1.0, 1.3])), 0.01, None),
    "on a grid": (
        hl.Model(
            hl.DropNoise(0.26),
            relaxation=hl.FractionalDrop(0.2),
            thresholds=hl.Quenched([0.8, 1.2]),
        ),
        0.01,
        hl.FiniteVolume(rtol=1e-2),
    ),
}


@pytest.fixture(scope="module", params=STATES)
def state(request):
    return hl.steady_state(*STATES[request.param])


def test_a_state_comes_back_with_its_density(state, tmp_path):
    loaded = travelled(state, tmp_path)
    same(state, loaded)
    assert loaded == state
    np.testing.assert_array_equal(loaded.density(S), state.density(S), strict=True)
    assert loaded.extent == state.extent
    classes = hl.Quenched(ThresholdLaw(*state.nodes))
    np.testing.assert_array_equal(loaded.mass(S, classes), state.mass(S, classes), strict=True)
    drawn = [found.sample(100, np.random.default_rng(1)) for found in (loaded, state)]
    np.testing.assert_array_equal(*drawn)


def test_a_grid_is_stored_by_its_faces(tmp_path):
    """Data only, 8 bytes a cell and class and 8 a face; the rest of a grid follows from them."""
    state = hl.steady_state(*STATES["on a grid"])
    save(state, tmp_path / "state.h5")
    cells = state.distribution.masses.nbytes + state.distribution.grid.faces.nbytes
    assert cells < (tmp_path / "state.h5").stat().st_size < cells + 30_000


@pytest.mark.parametrize(
    ("protocol", "arguments"),
    [
        (hl.Startup(0.1), {"until": 2.0}),
        (hl.Startup(0.1), {"until": 2.0, "t_eval": [0.5, 2.0]}),
        (hl.Sequence([(hl.StrainStep(0.5), 0.5), (hl.Creep(0.2), 0.5)]), {}),
    ],
    ids=["startup", "at given times", "sequence"],
)
@pytest.mark.parametrize("thresholds", [1.0, hl.Quenched([0.8, 1.2])], ids=["one", "quenched"])
def test_a_run_goes_on_from_a_file(protocol, arguments, thresholds, tmp_path):
    model = hl.Model(0.3, thresholds=thresholds)
    run = hl.evolve(model, protocol, hl.gaussian(0.3), rtol=1e-3, **arguments)
    loaded = travelled(run, tmp_path)
    same(run, loaded)
    on = [hl.evolve(model, hl.Cessation(), r.final, 1.0, rtol=1e-3) for r in (run, loaded)]
    same(*on)


def test_a_frozen_run_comes_back(tmp_path):
    inside = hl.density(lambda s: 0.9375 * np.maximum(1.0 - (s / 0.8) ** 2, 0.0))
    run = hl.evolve(hl.Model(0.3), hl.Cessation(), inside, until=1.0, rtol=1e-2)
    assert run.frozen_at is not None
    same(run, travelled(run, tmp_path))


def test_a_sample_goes_on_from_a_file(tmp_path):
    model = hl.Model(0.3, thresholds=LAW)
    settings = {"until": 0.2, "blocks": 1000, "step": 0.1}
    run = hl.simulate_blocks(model, hl.Startup(0.5), hl.gaussian(0.3), **settings)
    loaded = travelled(run, tmp_path)
    same(run, loaded)
    settings["seed"] = 1
    same(
        hl.simulate_blocks(model, hl.Cessation(), run.final, **settings),
        hl.simulate_blocks(model, hl.Cessation(), loaded.final, **settings),
    )


# -- fits -----------------------------------------------------------------------------------------
RATE = np.geomspace(1e-2, 1e2, 20)
NOISE = np.exp(0.02 * np.random.default_rng(0).standard_normal(20))
STRESS = 50.0 * hl.flow_curve(hl.Model(0.3), RATE * 0.08).stress * NOISE
UNITS = hl.Scales(10.0, 2.0, 0.5)
FITS = {
    "flow curve": lambda: fit_flow_curve(RATE, STRESS, 0.02 * STRESS),
    "held": lambda: fit_flow_curve(RATE, STRESS, alpha=0.3),
    "tabulated": lambda: fit_flow_curve(
        RATE[5:12], STRESS[5:12], model=hl.Model(0.3, relaxation=hl.ResidualStress(0.1)), alpha=0.3
    ),
    "Herschel-Bulkley": lambda: fit_herschel_bulkley_law(RATE, STRESS),
    "startup": lambda: fit_startup(
        RATE[4:8], 0.1 * NOISE[4:8], 1.0, start=hl.gaussian(0.3), guess=UNITS,
        alpha=0.3, threshold=2.0, shear_modulus=10.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FITS)
def test_a_fit_comes_back(kind, tmp_path):
    """What it says, and what it can still do: covariances and profiles ask the law again."""
    fit = FITS[kind]()
    loaded = travelled(fit, tmp_path)
    assert type(loaded) is type(fit)
    assert loaded.estimates == fit.estimates
    assert loaded.warnings == fit.warnings
    np.testing.assert_array_equal(loaded.residuals, fit.residuals, strict=True)
    np.testing.assert_array_equal(loaded.log_covariance, fit.log_covariance, strict=True)
    assert (loaded.chi_square, loaded.aic, loaded.bic) == (fit.chi_square, fit.aic, fit.bic)
    if kind != "startup":  # every point of its profile is a run
        assert loaded.report() == fit.report()
    if kind != "Herschel-Bulkley":
        assert provenance(tmp_path / "result.h5")["template"] == repr(fit.template)


# -- the file -------------------------------------------------------------------------------------
CURVE = hl.FlowCurve([0.1, 0.2], [1.0, 2.0], model=hl.Model(0.3))


def sealed(path, change):
    """Change the HDF5 in a file of hebraud and give it its checksum again."""
    data = path.read_bytes()
    image = io.BytesIO(data)
    with h5py.File(image, "r+") as store:
        change(store)
    body = image.getvalue()[512:]
    line = data[:512].split(b"sha256 ")[0] + b"sha256 " + hashlib.sha256(body).hexdigest().encode()
    path.write_bytes((line + b"\n").ljust(512, b"\0") + body)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "curve.h5"
    save(CURVE, path)
    return path


def test_others_read_the_file(tmp_path):
    """Names, numbers and units with h5py alone; the first line with a text reader."""
    curve = hl.FlowCurve([0.1, 0.2], [1.0, 2.0], model=hl.Model(0.3, yielding=hl.PowerRate(0.5)))
    save(curve, tmp_path / "curve.h5", note="for a test")
    with h5py.File(tmp_path / "curve.h5") as store:
        assert store["stress"][:].tolist() == [1.0, 2.0]
        assert dict(store["shear_rate"].attrs)["unit"] == "sigma_c/(G0 tau)"
        assert store["stress"].attrs["symbol"] == "Sigma"
        assert store["model/coupling/alpha"][()] == 0.3
        assert store["model/coupling"].attrs["class"] == "ActivityNoise"
        assert store["model"].attrs["repr"] == repr(curve.model)
        assert store.attrs["note"] == "for a test"
    first = (tmp_path / "curve.h5").read_bytes().split(b"\n")[0].decode()
    assert first.startswith(f"hebraud {hl.__version__} result, format {FORMAT}, HDF5 from byte 512")


def test_units_are_physical_where_the_curve_is(tmp_path):
    save(CURVE.physical(hl.Scales(10.0, 2.0, 0.5)), tmp_path / "curve.h5")
    with h5py.File(tmp_path / "curve.h5") as store:
        assert store["stress"].attrs["unit"] == "[threshold]"
        assert store["scales/threshold"][()] == 2.0


def test_provenance(stored):
    said = provenance(stored)
    assert said["class"] == "FlowCurve"
    assert said["hebraud_version"] == hl.__version__
    assert said["numpy_version"] == np.__version__
    assert said["model"] == repr(CURVE.model)
    assert "created" in said
    assert {"python_version", "scipy_version"} <= said.keys()


def test_undated_files_are_equal_to_the_bit(tmp_path):
    run = hl.evolve(hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), until=0.5, rtol=1e-2)
    save(run, tmp_path / "a.h5", dated=False)
    save(load(tmp_path / "a.h5"), tmp_path / "b.h5", dated=False)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert "created" not in provenance(tmp_path / "a.h5")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "curve.h5"
    save(CURVE, path)
    return path.read_bytes()


@given(data=st.data())
def test_any_damage_is_seen(data, whole, tmp_path_factory):
    """One bit, or the end missing: the checksum is over all that follows the first line."""
    path = tmp_path_factory.getbasetemp() / "damaged.h5"
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        bit = 1 << data.draw(st.integers(0, 7))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
    with pytest.raises(UnreadableFile, match=r"damaged\.h5"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"rate,stress\n1,2\n", b"hebraud 9 was here", "hdf5"])
def test_foreign_files(content, tmp_path):
    path = tmp_path / "foreign"
    if content == "hdf5":
        with h5py.File(path, "w") as store:
            store["stress"] = [1.0]
    else:
        path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"foreign was not written by hebraud\.save"):
        load(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_another_format_names_its_version(stored):
    data = stored.read_bytes()
    now = f"hebraud {hl.__version__} result, format {FORMAT}"
    later = f"hebraud 9.9.9 result, format {FORMAT + 1}"
    stored.write_bytes(data.replace(now.encode(), later.encode()))
    with pytest.raises(UnreadableFile, match=r"hebraud 9\.9\.9 in format 4.*reads formats 1 to 3"):
        load(stored)


def _delete(name):
    return lambda store: store.__delitem__(name)


def _replace(name, value):
    def change(store):
        del store[name]
        store[name] = value

    return change


def _named(name, kind):
    return lambda store: store[name].attrs.__setitem__("class", kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_delete("stress"), "no whole FlowCurve: stress missing"),
        (_delete("model/coupling/alpha"), "/model/coupling: .* whole ActivityNoise: alpha missing"),
        (lambda store: store.__setitem__("torque", 1.0), "torque unknown to this version"),
        (_replace("stress", [1.0, np.nan]), r"/: stress must be one row of finite numbers"),
        (_replace("model/coupling/alpha", -1.0), r"/model/coupling: alpha must be .* > 0"),
        (_named("model/coupling", "os.system"), "'os.system', which this version does not know"),
        (_named("model", "Popen"), "'Popen', which this version does not know"),
        (_named("model/coupling", "scipy.stats"), "args and kwds and name missing, alpha unknown"),
        (_named("/", "Scales"), "no whole Scales"),
        (lambda store: store["model"].attrs.__delitem__("class"), "this version does not know"),
    ],
)  # fmt: skip
def test_a_loader_names_what_it_cannot_read(change, message, stored):
    sealed(stored, lambda store: None)
    assert load(stored) == CURVE
    sealed(stored, change)
    with pytest.raises(UnreadableFile, match=message):
        load(stored)


def test_what_is_no_result_is_named(stored):
    def change(store):
        for name in list(store):
            del store[name]
        store.attrs["class"] = "FixedNoise"
        store["D"] = 1.0

    sealed(stored, change)
    with pytest.raises(UnreadableFile, match=r"curve\.h5 holds no result but FixedNoise\(D=1\.0\)"):
        load(stored)


@pytest.mark.parametrize("name", ["rv_histogram", "poisson", "describe", "os"])
def test_only_laws_of_scipy_are_made(name, tmp_path):
    path = tmp_path / "law.h5"
    save(dataclasses.replace(CURVE, model=hl.Model(0.3, thresholds=LAW)), path)
    sealed(path, _replace("model/thresholds/law/name", name))
    with pytest.raises(UnreadableFile, match=f"scipy.stats has no continuous law '{name}'"):
        load(path)


def test_the_files_of_format_1_are_still_read():
    """See tests/data/results_format_1.py; densities to 1e-13, as exp differs between machines."""
    curve, state, grid, run = (
        load(FORMAT_1 / f"{name}.h5") for name in ("curve", "state", "grid", "run")
    )
    assert curve.stress.tolist() == [
        float.fromhex(x)
        for x in ("0x1.ddf7090d7c785p-2", "0x1.0deead09c575dp-1", "0x1.8c4fcd437119fp-1")
    ]
    assert curve.scales == hl.Scales(10.0, 2.0, 0.5)
    assert curve.model == hl.Model(0.3)
    assert repr(state.model) == (
        "Model(DropNoise(alpha=0.26), relaxation=ResidualStress(residual=0.1), "
        "thresholds=Redrawn(scipy.stats.weibull_min(3, scale=1.0)))"
    )
    densities = [float(found.density(0.25)) for found in (state, grid)]
    wanted = [float.fromhex(x) for x in ("0x1.071ce556f54dfp+0", "0x1.aca3cea886c0cp-1")]
    np.testing.assert_allclose(densities, wanted, rtol=1e-13)
    assert run.stress.tolist() == [
        float.fromhex(x) for x in ("0x1.47817ad26cabcp-7", "0x1.98a77cb7465c9p-5")
    ]
    assert run.final.masses.max() == float.fromhex("0x1.0b68d0fa31df0p-6")
    assert provenance(FORMAT_1 / "run.h5")["hebraud_version"] == "0.1.0"
    assert run.settings == {}  # not kept then
    second = load(FORMAT_1.with_name("results_format_2") / "run.h5")
    assert second.stress.tolist() == [
        float.fromhex(x) for x in ("0x1.47817ad26c8e4p-7", "0x1.98a77cc48d7d8p-5")
    ]
    assert second.settings["start"] == "gaussian(0.3)"
    assert second.settings["until"] == 0.5


@pytest.mark.parametrize("kind", ["flow_curve", "startup"])
def test_the_fits_of_format_2_are_still_read(kind):
    """Of that version's layout data, options and outcome are taken; see results_format_2.py."""
    fit = load(FORMAT_1.with_name("results_format_2") / f"{kind}.h5")
    again = FITS[kind.replace("_", " ")]()
    assert type(fit) is type(again)
    assert fit.template == again.template
    assert fit.problem.bounds == again.problem.bounds
    # stored on another machine, perhaps
    np.testing.assert_allclose(fit.log_values, again.log_values, rtol=1e-6)
    np.testing.assert_allclose(fit.residuals, again.residuals, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fit.log_covariance, again.log_covariance, rtol=1e-4)


def test_a_run_says_how_it_was_made(tmp_path):
    """In the file, to whom has only h5py, and in tables; the texts make the run again."""
    run = hl.evolve(hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), until=0.5, rtol=1e-2)
    assert run.settings == {
        "solver": "evolve", "protocol": "Startup(rate=0.1)", "start": "gaussian(0.3)",
        "until": 0.5, "rtol": 1e-2, "atol": 1e-9,
    }  # fmt: skip
    loaded = travelled(run, tmp_path)
    assert loaded.settings == run.settings
    assert run.settings.items() <= loaded.to_dataframe().attrs.items()
    said = provenance(tmp_path / "result.h5")
    assert {name: str(value) for name, value in run.settings.items()}.items() <= said.items()
    with h5py.File(tmp_path / "result.h5") as store:
        assert store["settings/protocol"].asstr()[()] == "Startup(rate=0.1)"
    public = {name: getattr(hl, name) for name in hl.__all__}  # a lazy name is not yet in vars(hl)
    made = (eval(loaded.settings[name], public) for name in ("protocol", "start"))
    same(
        run,
        hl.evolve(
            loaded.model,
            *made,
            **{k: said_ for k, said_ in loaded.settings.items() if k in ("until", "rtol", "atol")},
        ),
    )


def slow(t):
    return 0.1 / (1.0 + t)


def test_settings_name_functions_and_long_starts(tmp_path):
    """No addresses, so that equal runs make equal files, and no arrays."""
    first = hl.evolve(hl.Model(0.3), hl.ShearRate(slow), hl.gaussian(0.3), 0.2, rtol=1e-2)
    assert first.settings["protocol"] == "ShearRate(rate=<function slow>, breakpoints=())"
    second = hl.evolve(
        hl.Model(0.3), hl.Sequence([(hl.Cessation(), 0.1), (hl.Creep(0.0), 0.1)]), first.final,
        rtol=1e-2,
    )  # fmt: skip
    assert second.settings["start"] == "CellStart(...)"
    assert second.settings["until"] == 0.2
    state = hl.steady_state(hl.Model(0.3), 0.1)
    third = hl.simulate_blocks(hl.Model(0.3), hl.Cessation(), state, 0.1, blocks=100, seed=7)
    assert third.settings["start"] == repr(state)
    assert [third.settings[name] for name in ("solver", "blocks", "step", "seed")] == [
        "simulate_blocks", 100, 1e-2, 7,
    ]  # fmt: skip
    for run in (first, second, third):
        same(run, travelled(run, tmp_path))


# -- what cannot be saved -------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class HalfRate:
    def rate(self, overstress):
        return 0.5 * (np.asarray(overstress) > 0.0)


class Ramp(scipy.stats.rv_continuous):
    def _cdf(self, x):
        return x * x


@pytest.mark.parametrize(
    ("slots", "place"),
    [
        ({"yielding": HalfRate()}, r"FlowCurve\.model\.yielding holds HalfRate\(\)"),
        ({"thresholds": hl.Redrawn(Ramp(a=0.0, b=1.0, name="norm")())}, r"thresholds\.law holds"),
        ({"thresholds": hl.Redrawn(ThresholdLaw([1.0], [1.0], np.exp))}, r"density holds <ufunc"),
    ],
)  # fmt: skip
def test_a_slot_of_ones_own_is_named_and_nothing_is_written(slots, place, stored):
    before = stored.read_bytes()
    with pytest.raises(ValueError, match=rf"{place}.*cannot be saved.*Landing\(points, weights\)"):
        save(dataclasses.replace(CURVE, model=hl.Model(0.3, **slots)), stored)
    assert stored.read_bytes() == before
    with pytest.raises(ValueError, match="result must be one of FlowCurve, SteadyState, History"):
        save(np.ones(3), stored)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(call, stored, monkeypatch):
    before = stored.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match=r"could not write .*curve\.h5: No space left"):
        save(hl.FlowCurve([1.0], [1.0]), stored)
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == ["curve.h5"]


# -- tables ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def run():
    protocol = hl.Sequence([(hl.Startup(0.1), 0.2), (hl.StrainStep(0.1), 0.2)])
    return hl.evolve(hl.Model(0.3), protocol, hl.gaussian(0.3), rtol=1e-2)


def test_dataframes(run):
    pytest.importorskip("pandas")
    table = CURVE.to_dataframe()
    assert list(table.columns) == ["shear_rate", "stress"]
    assert table["stress"].tolist() == [1.0, 2.0]
    assert table.attrs["model"] == repr(CURVE.model)
    assert table.attrs["hebraud_version"] == hl.__version__
    assert table.attrs["units"]["shear_rate"] == "sigma_c/(G0 tau)"
    physical = CURVE.physical(hl.Scales(10.0, 2.0, 0.5)).to_dataframe()
    assert physical.attrs["units"]["stress"] == "[threshold]"
    table = run.to_dataframe()
    assert len(table) == run.time.size
    for name in ("time", "strain", "shear_rate", "stress", "activity", "diffusion", "mass_error"):
        np.testing.assert_array_equal(table[name], getattr(run, name))
    assert table.attrs["steps"] == run.statistics["steps"]
    assert "frozen_at" not in table.attrs
    state = hl.steady_state(hl.Model(0.3), 0.01)
    table = state.to_dataframe()
    assert len(table) == 1
    assert table["stress"][0] == state.stress
    assert table.attrs["solver"] == "Exact()"


def test_datasets(run):
    pytest.importorskip("xarray")
    data = CURVE.to_xarray()
    assert data["stress"].dims == ("shear_rate",)
    assert data["stress"].attrs["units"] == "sigma_c"
    assert float(data["stress"].sel(shear_rate=0.2)) == 2.0
    data = run.to_xarray()
    np.testing.assert_array_equal(data["stress"], run.stress)
    assert data["time"].attrs["units"] == "tau"
    assert data.attrs["model"] == repr(run.model)
    state = hl.steady_state(hl.Model(0.3), 0.01)
    data = state.to_xarray()
    assert float(data["stress"]) == state.stress
    assert float(data["shear_rate"]) == 0.01


@pytest.mark.parametrize("name", ["pandas", "xarray"])
def test_a_missing_package_is_named(name, run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, name, None)
    convert = "to_dataframe" if name == "pandas" else "to_xarray"
    for result in (CURVE, run, hl.steady_state(hl.Model(0.3), 0.01)):
        with pytest.raises(hl.MissingDependency, match=f"pip install {name}"):
            getattr(result, convert)()


def test_a_model_with_a_derived_threshold_law_travels(tmp_path):
    found = hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.norm(1.0, 0.2)))
    law = hl.snapshot_law(found, 0.1)
    curve = hl.flow_curve(hl.Model(0.3, thresholds=hl.Redrawn(law)), [0.1, 1.0])
    hl.save(curve, tmp_path / "curve.h5")
    back = hl.load(tmp_path / "curve.h5").model.thresholds.law
    c = np.linspace(0.5, 1.5, 7)
    assert np.array_equal(back.pdf(c), law.pdf(c))
    assert np.array_equal(back.values, law.values)
