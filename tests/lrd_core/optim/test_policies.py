"""What every policy leaves out: who shares a coin, how often, and in shards."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrd_core.optim.lrd import LRD
from lrd_core.optim.policies import POLICIES, get_policy
from lrd_core.optim.random_bits import derive, keep_mask_numpy, normal_numpy
from tests.lrd_core.optim.draws import gradient_of, mask_of

COINS = ("elementwise", "per_row", "per_column", "per_tensor", "per_step")


def test_menu_order() -> None:
    first = [*COINS, "gradient_dropout", "gradient_noise", "cautious", "momentum_aligned"]
    assert list(POLICIES)[: len(first)] == first
    assert list(POLICIES)[len(first) :] == sorted(set(POLICIES) - set(first))


@pytest.mark.parametrize("name", POLICIES)
def test_is_described(name: str) -> None:
    policy = get_policy(name)
    assert policy.name == name
    assert policy.label
    assert policy.help.endswith(".")
    assert "arXiv:" in policy.paper
    assert callable(policy.reference)
    assert (policy.mask is None) != (policy.gradient is None)
    assert (policy.scale is None) == (policy.reference_scale is None)


def within_4_standard_errors(kept: int, draws: int, keep: float) -> bool:
    return abs(kept / draws - keep) < 4 * math.sqrt(keep * (1 - keep) / draws)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_share_kept(keep: float) -> None:
    n = 200_000
    assert within_4_standard_errors(
        int(mask_of("elementwise", torch.zeros(400, 500), keep=keep).sum()), n, keep
    )
    rows, columns = torch.zeros(n, 2), torch.zeros(2, n)
    assert within_4_standard_errors(int(mask_of("per_row", rows, keep=keep)[:, 0].sum()), n, keep)
    assert within_4_standard_errors(
        int(mask_of("per_column", columns, keep=keep)[0].sum()), n, keep
    )
    zero, times = torch.zeros(3), 3_000
    for name in ("per_tensor", "per_step"):
        kept = sum(
            int(mask_of(name, zero, keep=keep, step=step, tensor=step % 7)[0])
            for step in range(1, times + 1)
        )
        assert within_4_standard_errors(kept, times, keep), name
    kept = int(torch.count_nonzero(gradient_of("gradient_dropout", torch.ones(n), keep=keep)))
    assert within_4_standard_errors(kept, n, keep)
    # No update at all does not point against the gradient: the coin decides everywhere.
    assert within_4_standard_errors(
        int(mask_of("cautious", torch.zeros(n), keep=keep).sum()), n, keep
    )


SHAPE = (6, 5, 2, 3)


def test_rows_share_a_coin() -> None:
    mask = mask_of("per_row", torch.zeros(SHAPE), step=4, tensor=2)
    rows = torch.from_numpy(keep_mask_numpy(5, 4, 2, 6, 0.5))
    assert rows.any()
    assert not rows.all()
    assert torch.equal(mask, rows.view(6, 1, 1, 1).expand(SHAPE))


def test_columns_share_a_coin() -> None:
    mask = mask_of("per_column", torch.zeros(SHAPE), step=4, tensor=2)
    columns = torch.from_numpy(keep_mask_numpy(5, 4, 2, 5, 0.5))
    assert columns.any()
    assert not columns.all()
    assert torch.equal(mask, columns.view(1, 5, 1, 1).expand(SHAPE))


@pytest.mark.parametrize("name", ["per_row", "per_column"])
def test_a_vector_has_a_coin_an_element(name: str) -> None:
    vector = torch.zeros(100)
    assert torch.equal(mask_of(name, vector), mask_of("elementwise", vector))
    assert mask_of(name, torch.tensor(0.0)).shape == ()


def test_a_tensor_has_one_coin_and_a_step_has_one() -> None:
    steps, tensors = range(1, 33), range(4)
    for name in ("per_tensor", "per_step"):
        masks = {
            (step, tensor): mask_of(name, torch.zeros(3, 4), step=step, tensor=tensor)
            for step in steps
            for tensor in tensors
        }
        assert all(bool(mask.all()) or not bool(mask.any()) for mask in masks.values())
        alike = [len({bool(masks[step, j][0, 0]) for j in tensors}) == 1 for step in steps]
        assert all(alike) == (name == "per_step")
        assert len({bool(masks[step, 0][0, 0]) for step in steps}) == 2


@st.composite
def boxes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A shape, and the start and shape of a box in it."""
    shape = tuple(draw(st.lists(st.integers(1, 7), min_size=0, max_size=4)))
    start = tuple(draw(st.integers(0, size - 1)) for size in shape)
    local = tuple(
        draw(st.integers(0, size - first)) for size, first in zip(shape, start, strict=True)
    )
    return shape, start, local


@settings(max_examples=150, deadline=None)
@given(box=boxes(), keep=st.floats(0.05, 0.95), step=st.integers(1, 1000))
def test_a_shard_has_the_slice_of_the_whole(
    box: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], keep: float, step: int
) -> None:
    shape, start, local = box
    part = tuple(slice(a, a + n) for a, n in zip(start, local, strict=True))
    common = {"keep": keep, "step": step, "tensor": 3}
    shard = {"shape": shape, "start": start, **common}
    for name in (*COINS, "cautious"):
        whole = mask_of(name, torch.zeros(shape), **common)
        assert torch.equal(mask_of(name, torch.zeros(local), **shard), whole[part]), name
    # Gradients of one size: the noise of a shard then has the variance of the whole's.
    for name in ("gradient_dropout", "gradient_noise"):
        whole = gradient_of(name, torch.ones(shape, dtype=torch.float64), **common)
        shards = gradient_of(name, torch.ones(local, dtype=torch.float64), **shard)
        torch.testing.assert_close(shards, whole[part], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dimension", [0, 1])
def test_shards_make_up_the_whole(dimension: int) -> None:
    shape = (37, 23)
    sizes = [len(piece) for piece in torch.arange(shape[dimension]).chunk(4)]
    for name in COINS:
        masks, first = [], 0
        for size in sizes:
            local, start = list(shape), [0, 0]
            local[dimension], start[dimension] = size, first
            masks.append(mask_of(name, torch.zeros(local), shape=shape, start=tuple(start)))
            first += size
        assert torch.equal(torch.cat(masks, dimension), mask_of(name, torch.zeros(shape))), name


def test_a_shard_of_more_than_two_to_the_32_coordinates() -> None:
    shape, start = (1 << 17, 1 << 16), ((1 << 16) - 2, 65_500)
    mask = mask_of("elementwise", torch.zeros(5, 36), shape=shape, start=start)
    for i in range(5):
        first = (start[0] + i) * shape[1] + start[1]
        assert (first >> 32 == 0) == (i < 2)
        expected = torch.from_numpy(keep_mask_numpy(5, 1, 0, 36, 0.5, first))
        assert torch.equal(mask[i], expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.complex64])
@pytest.mark.parametrize("name", POLICIES)
def test_dtypes_and_drop_rate_0(name: str, dtype: torch.dtype) -> None:
    gradient = torch.randn(8, 5, generator=torch.Generator().manual_seed(1)).to(dtype)
    gradient[0, 0] = -0.0
    if get_policy(name).gradient is not None:
        kept = gradient.clone()
        changed = gradient_of(name, gradient)
        assert changed.dtype == dtype
        assert changed.isfinite().all()
        assert torch.equal(gradient, kept)
        assert not torch.equal(changed, kept)
        same = gradient_of(name, gradient, keep=1.0)
        assert torch.equal(same.view(torch.uint8), kept.view(torch.uint8))
    else:
        before = torch.zeros_like(gradient)
        mask = mask_of(name, before, gradient, before + gradient)
        assert 0 < mask.sum() < 40 or name in ("per_tensor", "per_step")
        assert mask_of(name, before, gradient, before + gradient, 1.0).all()


def test_gradient_dropout_rescales_and_drops_infinities() -> None:
    g = torch.full((1000,), 3.0)
    plain = gradient_of("gradient_dropout", g, keep=0.25)
    assert plain.unique().tolist() == [0.0, 3.0]
    assert torch.equal(gradient_of("gradient_dropout", g, keep=0.25, rescale=True), plain * 4)
    broken = gradient_of("gradient_dropout", torch.full((1000,), math.inf), keep=0.25)
    assert broken.unique().tolist() == [0.0, math.inf]
    assert torch.equal(broken > 0, plain > 0)


@pytest.mark.parametrize("sparse_dimensions", [1, 2])
@pytest.mark.parametrize("start", [(0, 0, 0), (2, 1, 3)])
def test_gradient_dropout_of_a_sparse_gradient(
    sparse_dimensions: int, start: tuple[int, ...]
) -> None:
    shape = tuple(size + 2 * first for size, first in zip((6, 4, 3), start, strict=True))
    dense = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(2))
    dense[1] = dense[4] = 0
    options = {"shape": shape, "start": start, "keep": 0.4, "rescale": True}
    dropped = gradient_of("gradient_dropout", dense.to_sparse(sparse_dimensions), **options)
    assert dropped.layout == torch.sparse_coo
    expected = gradient_of("gradient_dropout", dense, **options)
    assert torch.equal(dropped.to_dense(), expected)


def test_gradient_noise_has_the_variance_of_gradient_dropout() -> None:
    g = torch.randn(200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    g[::2] = 0
    for keep, scale in ((0.5, 1.0), (0.1, 1.0), (0.9, 2.0)):
        noise = gradient_of("gradient_noise", g, keep=keep, settings={"scale": scale}) - g
        dropout = gradient_of("gradient_dropout", g, keep=keep, rescale=True) - g
        variance = float((1 - keep) / keep * (g * g).mean())
        # A normal's variance is known to √(2/n), dropout's to a few times that.
        assert abs(float(noise.var()) / scale**2 / variance - 1) < 4 * math.sqrt(2 / g.numel())
        assert abs(float(dropout.square().mean()) / variance - 1) < 0.05
        assert abs(float(noise.mean())) < 4 * scale * math.sqrt(variance / g.numel())
        # Only noise moves a coordinate without a gradient.
        assert (noise[::2] != 0).all()
        assert (dropout[::2] == 0).all()


def test_gradient_noise_by_its_stream_and_apart_from_masks() -> None:
    n = 20_000
    g = torch.ones(n, dtype=torch.float64)
    noise = gradient_of("gradient_noise", g, step=9, tensor=4) - g
    stream = torch.from_numpy(normal_numpy(derive(5, "gradient noise"), 9, 4, n))
    torch.testing.assert_close(noise, stream, rtol=1e-9, atol=1e-9)
    mask = mask_of("elementwise", g, step=9, tensor=4).double()
    assert abs(float(torch.corrcoef(torch.stack([noise, mask]))[0, 1])) * math.sqrt(n) < 4
    assert gradient_of("gradient_noise", g, settings={"scale": 0}) is g


def test_gradient_noise_of_complex_and_sparse_gradients() -> None:
    g = torch.zeros(50_000, dtype=torch.complex128)
    g[7] = 300 + 400j
    noise = torch.view_as_real(gradient_of("gradient_noise", g) - g)
    # Variance of dropout, (1 − keep)/keep · mean |g|² = 5, half of it on either part.
    for part in (noise[:, 0], noise[:, 1]):
        assert abs(float(part.var()) / 2.5 - 1) < 4 * math.sqrt(2 / g.numel())
    assert abs(float(torch.corrcoef(noise.T)[0, 1])) * math.sqrt(g.numel()) < 4
    dense = torch.tensor([0.0, 2.0, 0.0, 1.0])
    from_sparse = gradient_of("gradient_noise", dense.to_sparse())
    assert torch.equal(from_sparse, gradient_of("gradient_noise", dense))


def test_cautious_keeps_what_points_against_the_gradient() -> None:
    gradient = torch.tensor([1.0, 1.0, -1.0, -1.0, 0.0, 1.0, -1.0, 1e-30])
    before = torch.full((8,), 2.0)
    after = before + torch.tensor([-0.5, 0.5, -0.5, 0.5, 0.5, 0.0, 0.0, -0.5])
    against = [True, False, False, True, False, False, False, True]
    assert mask_of("cautious", before, gradient, after, 1e-10).tolist() == against
    coins = mask_of("elementwise", before)
    expected = torch.tensor(against) | coins
    assert torch.equal(mask_of("cautious", before, gradient, after), expected)
    sparse = mask_of("cautious", before, gradient.to_sparse(), after, 1e-10)
    assert sparse.tolist() == against


ALIGNED = torch.tensor([3.0, -1.0, 2.0, 0.0, 2.0, -5.0, 2.0, 1.0])


@pytest.mark.parametrize("name", ["exp_avg", "momentum_buffer", "m", "b"])
def test_momentum_aligned_keeps_the_largest_products(name: str) -> None:
    gradient = torch.tensor([1.0, -1.0] * 4)
    state = {name: ALIGNED * gradient, "step": torch.tensor(3.0)}
    for keep, kept in (
        (0.5, {0, 2, 4, 6}),
        (0.25, {0, 2}),
        (0.1, {0}),
        (0.99, set(range(8)) - {5}),
    ):
        mask = mask_of("momentum_aligned", gradient, gradient, keep=keep, state=state)
        assert set(mask.nonzero().view(-1).tolist()) == kept


def test_momentum_aligned_without_momentum_goes_by_the_gradient() -> None:
    gradient = torch.tensor([1.0, -4.0, 2.0, -3.0])
    expected = [False, True, False, True]
    quantised = {"exp_avg": torch.zeros(4, dtype=torch.uint8)}
    factored = {"exp_avg": torch.zeros(2)}
    for state in ({}, {"momentum_buffer": None}, quantised, factored):
        mask = mask_of("momentum_aligned", gradient, gradient, state=state)
        assert mask.tolist() == expected


def test_momentum_aligned_with_nan_ties_and_small_numbers() -> None:
    gradient = torch.tensor([math.nan, 1.0, 1.0, 1.0])
    assert mask_of("momentum_aligned", gradient, gradient).tolist() == [False, True, True, False]
    broken = torch.full((4,), math.nan)
    assert mask_of("momentum_aligned", broken, broken).tolist() == [True, True, False, False]
    # In float16 these products would all be 0.
    small = torch.tensor([1e-5, 2e-5, 3e-5, 4e-5], dtype=torch.float16)
    assert mask_of("momentum_aligned", small, small).tolist() == [False, False, True, True]


@settings(max_examples=100, deadline=None)
@given(
    products=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    percent=st.integers(1, 100),
)
def test_momentum_aligned_keeps_its_share(products: list[int], percent: int) -> None:
    gradient = torch.ones(len(products))
    state = {"exp_avg": torch.tensor(products, dtype=torch.float32)}
    keep = 1 - (100 - percent) / 100
    mask = mask_of("momentum_aligned", gradient, gradient, keep=keep, state=state)
    kept = max(1, percent * len(products) // 100)
    best = sorted(range(len(products)), key=lambda i: (-products[i], i))[:kept]
    assert sorted(best) == mask.nonzero().view(-1).tolist()


def test_momentum_aligned_keeps_a_tenth_at_drop_rate_nine_tenths() -> None:
    # 1 − 0.9 is a little below 0.1.
    hundred = torch.arange(100.0)
    assert int(mask_of("momentum_aligned", hundred, hundred, keep=1 - 0.9).sum()) == 10


def test_masked_momentum_forgets_what_it_drops() -> None:
    gradient = torch.randn(6, 5, generator=torch.Generator().manual_seed(4))
    held = torch.ones(6, 5)
    mask = mask_of("masked_momentum", gradient, gradient, state={"exp_avg": held})
    assert torch.equal(mask, mask_of("elementwise", gradient))
    assert torch.equal(held, mask.float())
    kept = gradient.clone()
    for state in ({}, {"momentum_buffer": None}):
        assert torch.equal(mask_of("masked_momentum", gradient, gradient, state=state), mask)
    assert torch.equal(gradient, kept)


@pytest.mark.parametrize(
    ("policy", "drop_rate", "expected"),
    [
        ("elementwise", 0.0, 10.0),
        ("elementwise", 0.5, 0.5 / (1 - 0.9)),
        ("masked_momentum", 0.5, 0.5 / (1 - 0.5 * 0.9)),
    ],
)
def test_the_mean_step_under_a_constant_gradient_tells_the_slip_from_lrd(
    policy: str, drop_rate: float, expected: float
) -> None:
    p = torch.nn.Parameter(torch.zeros(4000, dtype=torch.float64))
    base = torch.optim.SGD([p], lr=1.0, momentum=0.9)
    optimizer = LRD(base, drop_rate=drop_rate, seed=3, policy=policy)
    p.grad = torch.ones_like(p)
    for _ in range(150):
        optimizer.step()
    before = p.detach().clone()
    for _ in range(50):
        optimizer.step()
    step = float((before - p.detach()).mean()) / 50
    assert step == pytest.approx(expected, rel=0.01)
