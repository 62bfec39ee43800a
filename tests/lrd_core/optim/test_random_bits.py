"""The bits behind every mask: against a plain restatement, and as random numbers."""

from __future__ import annotations

import json
import math
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrd_core.optim import random_bits
from lrd_core.optim.random_bits import (
    derive,
    keep_at,
    keep_mask,
    keep_mask_numpy,
    keep_mask_torch,
    key,
    normal,
    normal_at,
    normal_numpy,
    threshold,
)

M32, M64 = 2**32 - 1, 2**64 - 1


def splitmix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & M64
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & M64
    return x ^ x >> 31


def hash_one(seed: int, step: int, tensor: int, i: int) -> int:
    """The definition, one coordinate in plain integers."""
    k = splitmix(
        (splitmix((seed & M64) ^ splitmix(step)) + 0x632BE59BD9B4E019 * (tensor + 1)) & M64
    )
    if i >> 24:
        k = splitmix(k ^ splitmix(i >> 24))
    x = (i ^ k) & M32
    x = x * 0xED5AD4BB & M32
    x ^= x >> 16
    x ^= k >> 32
    x = x * 0xAC4C1B51 & M32
    x ^= x >> 15
    return x * 0x31848BAB & M32


def kept_one(seed: int, step: int, tensor: int, i: int, keep: float) -> bool:
    return hash_one(seed, step, tensor, i) < math.floor(keep * 2**32 + 0.5)


def test_splitmix_is_the_published_one() -> None:
    # First outputs of splitmix64 from state 0 and 1234567 (the reference C code).
    assert splitmix(0) == 0xE220A8397B1DCDAF
    assert splitmix(1234567) == 6457827717110365317


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    step=st.integers(1, 2**40),
    tensor=st.integers(0, 10_000),
    numel=st.integers(0, 40),
    keep=st.floats(0, 1),
)
def test_numpy_and_torch_agree_with_the_definition(
    seed: int, step: int, tensor: int, numel: int, keep: float
) -> None:
    expected = [kept_one(seed, step, tensor, i, keep) for i in range(numel)]
    assert keep_mask_numpy(seed, step, tensor, numel, keep).tolist() == expected
    assert keep_mask_torch(seed, step, tensor, numel, keep, "cpu").tolist() == expected
    assert keep_mask(seed, step, tensor, numel, keep).tolist() == expected


@pytest.mark.parametrize("numel", [65_535, 65_536, 65_537, 200_003])
def test_chunks_leave_no_seam(numel: int) -> None:
    mask = keep_mask_torch(5, 9, 1, numel, 0.3, "cpu").numpy()
    assert np.array_equal(mask, keep_mask_numpy(5, 9, 1, numel, 0.3))
    for i in (0, 65_534, 65_535, 65_536, numel - 1):
        if i < numel:
            assert mask[i] == kept_one(5, 9, 1, i, 0.3)


def test_a_longer_tensor_begins_with_the_bits_of_a_shorter_one() -> None:
    long = keep_mask(1, 2, 3, 100_000, 0.5)
    assert torch.equal(long[:777], keep_mask(1, 2, 3, 777, 0.5))


#: First positions of parts: at, before and after the seams of chunks and of blocks of 2²⁴.
starts = st.one_of(
    st.integers(0, 2**40),
    st.builds(
        lambda seam, off: max(0, seam + off),
        st.sampled_from([0, 2**16, 3 * 2**16, 2**24, 2**32, 7 * 2**32]),
        st.integers(-40, 40),
    ),
)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    step=st.integers(1, 2**40),
    start=starts,
    numel=st.integers(0, 60),
    keep=st.floats(0, 1),
)
def test_parts_have_the_bits_of_the_whole(
    seed: int, step: int, start: int, numel: int, keep: float
) -> None:
    expected = [kept_one(seed, step, 2, i, keep) for i in range(start, start + numel)]
    assert keep_mask_numpy(seed, step, 2, numel, keep, start).tolist() == expected
    assert keep_mask_torch(seed, step, 2, numel, keep, "cpu", start).tolist() == expected
    assert keep_mask(seed, step, 2, numel, keep, start=start).tolist() == expected
    positions = torch.arange(start, start + numel)
    assert keep_at(seed, step, 2, positions, keep).tolist() == expected


@pytest.mark.parametrize("start", [1, 65_535, 65_536, 2**24 - 100_000, 2**32 - 100_000])
def test_long_parts_leave_no_seam(start: int) -> None:
    whole = keep_mask_numpy(5, 9, 1, 200_003, 0.3, start)
    assert np.array_equal(whole, keep_mask_torch(5, 9, 1, 200_003, 0.3, "cpu", start).numpy())
    assert np.array_equal(
        whole, keep_at(5, 9, 1, torch.arange(start, start + 200_003), 0.3).numpy()
    )
    for i in (0, 1, 65_535, 99_999, 100_000, 131_072, 200_002):
        assert whole[i] == kept_one(5, 9, 1, start + i, 0.3)
        assert keep_mask_numpy(5, 9, 1, 1, 0.3, start + i)[0] == whole[i]


def test_positions_of_any_shape_and_order() -> None:
    positions = torch.tensor([[2**24 + 5, 5, 0], [2**40, 2**32 + 5, 2**24 - 1]])
    kept = keep_at(1, 2, 3, positions.T, 0.5)
    assert kept.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            assert bool(kept[i, j]) == kept_one(1, 2, 3, int(positions[j, i]), 0.5)
    assert keep_at(1, 2, 3, torch.tensor(5), 0.5).shape == ()
    assert keep_at(1, 2, 3, positions, 1.0).all()
    assert not keep_at(1, 2, 3, positions, 0.0).any()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), start=starts, numel=st.integers(0, 40))
def test_normal_numbers_agree_with_the_definition(seed: int, start: int, numel: int) -> None:
    expected = [
        NormalDist().inv_cdf((hash_one(seed, 3, 1, i) + 0.5) / 2**32)
        for i in range(start, start + numel)
    ]
    options = {"dtype": torch.float64, "start": start}
    np.testing.assert_allclose(normal(seed, 3, 1, numel, **options), expected, atol=1e-9)
    np.testing.assert_allclose(normal_numpy(seed, 3, 1, numel, start), expected, atol=1e-9)
    positions = torch.arange(start, start + numel)
    np.testing.assert_allclose(normal_at(seed, 3, 1, positions), expected, rtol=1e-6, atol=1e-6)
    single = normal(seed, 3, 1, numel, start=start)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=1e-6)


def test_normal_numbers_are_normal() -> None:
    n = 1_000_000
    z = normal(0, 1, 0, n, dtype=torch.float64)
    assert z.isfinite().all()
    # Moments of a standard normal, with the standard errors of their estimates.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float((z**power).mean()) - moment) < 4 * math.sqrt(variance / n), power
    shares = [NormalDist().cdf(x) for x in (-3.0, -1.0, 0.0, 0.5, 2.0)]
    for x, share in zip((-3.0, -1.0, 0.0, 0.5, 2.0), shares, strict=True):
        error = math.sqrt(share * (1 - share) / n)
        assert abs(float((z < x).double().mean()) - share) < 4 * error, x
    others = (z.roll(1), normal(0, 2, 0, n), normal(0, 1, 1, n), normal(derive(0, "x"), 1, 0, n))
    for other in others:
        assert correlation(z.numpy(), other.numpy()) < 4.5


def test_normal_numbers_are_finite_at_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    # No position is known to hash to the ends, so the hash is put there.
    for end, sign in ((0, -1), (M32, 1)):
        monkeypatch.setattr(
            random_bits, "_hash_at", lambda k, positions, end=end: torch.full_like(positions, end)
        )
        z = float(normal_at(0, 1, 0, torch.arange(1), torch.float64))
        assert z == pytest.approx(sign * 6.3379577545, abs=1e-9)


def test_threads_do_not_matter() -> None:
    before = torch.get_num_threads()
    try:
        masks = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            masks.append(keep_mask_torch(1, 2, 3, 300_000, 0.5, "cpu"))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*masks)


def test_ends_of_the_range() -> None:
    assert keep_mask(0, 1, 0, 1000, 1.0).all()
    assert not keep_mask(0, 1, 0, 1000, 0.0).any()
    assert threshold(1.0) == 2**32
    assert threshold(0.5) == 2**31
    # Too small to tell from the ends in 32 bits.
    assert keep_mask(0, 1, 0, 1000, 1 - 1e-12).all()
    assert not keep_mask(0, 1, 0, 1000, 1e-12).any()


def test_key_wraps_seeds_and_changes_by_block() -> None:
    assert key(-1, 1, 0) == key(2**64 - 1, 1, 0)
    assert key(2**64 + 5, 1, 0) == key(5, 1, 0)
    keys = {key(0, step, tensor, block) for step in (1, 2) for tensor in (0, 1) for block in (0, 1)}
    assert len(keys) == 8


def test_derive_separates_purposes_and_indices() -> None:
    seeds = {derive(s, p, i) for s in (0, 1) for p in ("data", "start", "") for i in range(50)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**64 for seed in seeds)
    # A fixed value: stored runs depend on it.
    assert derive(0, "data order", 0) == derive(2**64, "data order")
    assert f"{derive(1, 'data order', 2):016x}" == "7be00aec913c8899"


@pytest.mark.parametrize("keep", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_keep_rate_over_ten_million_draws(keep: float) -> None:
    draws = 10_000_000
    kept = sum(int(keep_mask_numpy(3, step, 1, draws // 10, keep).sum()) for step in range(1, 11))
    assert abs(kept / draws - keep) < 4 * math.sqrt(keep * (1 - keep) / draws)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """In standard errors of a correlation of independent masks."""
    return abs(float(np.corrcoef(a, b)[0, 1])) * math.sqrt(a.size)


def test_steps_tensors_seeds_and_neighbours_are_independent() -> None:
    n = 1_000_000
    base = keep_mask_numpy(0, 1, 0, n, 0.5)
    others = {
        "step": (0, 2, 0),
        "far step": (0, 1001, 0),
        "tensor": (0, 1, 1),
        "seed": (1, 1, 0),
        "seed and step swapped": (1, 0, 0),
    }
    for name, (seed, step, tensor) in others.items():
        assert correlation(base, keep_mask_numpy(seed, step, tensor, n, 0.5)) < 4.5, name
    for lag in (1, 2, 3, 8, 64, 1024, 4096, 8192, 65_536):
        assert correlation(base[:-lag], base[lag:]) < 4.5, lag


def test_fixture_for_other_languages_is_current() -> None:
    path = Path(__file__).with_name("make_mask_fixture.py")
    spec = spec_from_file_location("make_mask_fixture", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    stored = module.PATH.read_text(encoding="utf-8")
    assert stored == module.text(), f"run python {path}"
    for case in json.loads(stored)["masks"]:
        where = (int(case["seed"]), int(case["step"]), case["tensor"])
        keep = 1 - case["drop_rate"]
        bits = "".join("01"[kept_one(*where, i, keep)] for i in range(case["numel"]))
        assert bits == case["bits"]
