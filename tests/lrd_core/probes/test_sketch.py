"""The sketch: linear, the same for all engines, true to lengths."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lrd_core.probes.sampling import sample
from lrd_core.probes.sketch import COLUMNS, MOST, SIZE, Sketch

SHAPES = ((20, 30), (20,), (7, 20), (7,))


def parameters(seed: int = 0, shapes=SHAPES, dtype=torch.float32) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=random).to(dtype) for shape in shapes]


def matrix(seed: int, shapes=SHAPES) -> np.ndarray:
    """The linear map, (16, n), by moving one coordinate at a time."""
    zeros = torch.zeros(sum(int(np.prod(s)) for s in shapes))
    sketch = Sketch([zeros], seed)
    columns = []
    for i in range(len(zeros)):
        zeros[i] = 1.0
        columns.append(sketch.now().copy())
        zeros[i] = 0.0
    return np.array(columns).T


def test_is_linear_with_orthonormal_rows() -> None:
    rows = matrix(3)
    assert np.allclose(rows @ rows.T, np.eye(SIZE), atol=1e-6)
    tensors = parameters()
    sketch = Sketch(tensors, 3)
    moved = parameters(1)
    for tensor, other in zip(tensors, moved, strict=True):
        tensor += other
    expected = rows @ np.concatenate([m.numpy().ravel() for m in moved])
    row = sketch.measure()
    assert list(row) == [*COLUMNS, "proj_x", "proj_y"]
    assert np.allclose([row[name] for name in COLUMNS], expected, atol=1e-5)
    assert np.allclose(sketch.now(), expected, atol=1e-5)


def test_starts_at_0_and_is_a_function_of_the_seed() -> None:
    assert set(Sketch(parameters(), 5).measure().values()) == {0.0}
    moved = []
    for seed in (5, 5, 6):
        tensors = parameters()
        sketch = Sketch(tensors, seed)
        tensors[0] += 1
        moved.append(sketch.measure())
    assert moved[0] == moved[1] != moved[2]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype: torch.dtype) -> None:
    tensors, single = parameters(dtype=dtype), parameters(dtype=dtype)
    single = [t.float() for t in single]
    sketch, expected = Sketch(tensors, 2), Sketch(single, 2)
    for tensor, other in zip(tensors, single, strict=True):
        tensor *= 2
        other *= 2
    assert sketch.measure() == pytest.approx(expected.measure(), abs=1e-4)


def test_keeps_lengths_on_average() -> None:
    """Over seeds E|S v|² = |v|² · 16/n for orthonormal rows, even of a v that lies in one sum."""
    n = 320
    v = torch.zeros(n)
    v[::16] = torch.arange(20.0)
    lengths = []
    for seed in range(400):
        tensor = torch.zeros(n)
        sketch = Sketch([tensor], seed)
        tensor += v
        lengths.append(float(np.square(sketch.now()).sum()))
    assert np.mean(lengths) == pytest.approx(float(v.square().sum()) * SIZE / n, rel=0.2)


def test_few_coordinates() -> None:
    tensor = torch.zeros(5)
    sketch = Sketch([tensor], 0)
    tensor += torch.tensor([1.0, -2.0, 3.0, 0.0, 4.0])
    row = sketch.measure()
    assert [abs(row[c]) for c in COLUMNS[:5]] == [1.0, 2.0, 3.0, 0.0, 4.0]
    assert {row[c] for c in COLUMNS[5:]} == {0.0}
    assert 0 < np.hypot(row["proj_x"], row["proj_y"]) < 30**0.5


def test_the_random_plane_is_two_orthonormal_directions() -> None:
    zeros = torch.zeros(400)
    sketch = Sketch([zeros], 9)
    found = []
    for i in range(400):
        zeros[i] = 1.0
        row = sketch.measure()
        found.append([row["proj_x"], row["proj_y"]])
        zeros[i] = 0.0
    directions = np.array(found)
    assert np.allclose(directions.T @ directions, np.eye(2), atol=1e-5)
    assert (np.abs(directions) > 0).all()


def test_large_models_are_sketched_on_evenly_spread_coordinates() -> None:
    shapes = ((600, 256), (256,), (100, 600))
    whole = parameters(shapes=shapes)
    numel = sum(t.numel() for t in whole)
    chosen = sample(numel, MOST, 4, "sketch coordinates")
    assert MOST / 2 < len(chosen) <= MOST
    assert chosen.stride == 5
    values = torch.cat([t.ravel() for t in whole])
    assert torch.equal(chosen.of(whole), values[chosen.first :: chosen.stride])
    sketch, single = Sketch(whole, 4), Sketch([values], 4)
    seen = torch.zeros(numel, dtype=torch.bool)
    seen[chosen.first :: chosen.stride] = True
    begin = 0
    for tensor in whole:
        unseen = ~seen[begin : begin + tensor.numel()].view(tensor.shape)
        tensor[unseen] += 100
        begin += tensor.numel()
    assert set(sketch.measure().values()) == {0.0}
    for tensor in whole:
        tensor += 1
    values += 1
    assert sketch.measure() == pytest.approx(single.measure(), abs=1e-3)


def test_a_diverged_run_is_told_as_not_finite() -> None:
    tensors = parameters()
    sketch = Sketch(tensors, 0)
    tensors[0][0, 0] = float("nan")
    assert any(np.isnan(value) for value in sketch.measure().values())


def test_follows_data_that_is_moved() -> None:
    tensors, expected = parameters(), parameters()
    sketch, still = Sketch(tensors, 7), Sketch(expected, 7)
    sketch.measure()
    # Side by side in one storage, as stacked training lays them; and apart again.
    storage = torch.randn(2, 1000)
    begin = 0
    for tensor in tensors:
        row = storage[1, begin : begin + tensor.numel()].view(tensor.shape)
        row.copy_(tensor)
        tensor.data = row
        begin += tensor.numel()
    for moved in (tensors, expected):
        for tensor in moved:
            tensor.mul_(1.5)
    assert sketch.measure() == pytest.approx(still.measure(), abs=1e-5)
    assert any(sketch.measure().values())
    for tensor in tensors:
        tensor.data = tensor.clone()
        tensor.mul_(2)
    for tensor in expected:
        tensor.mul_(2)
    assert sketch.measure() == pytest.approx(still.measure(), abs=1e-5)
    assert np.allclose(sketch.now(), still.now(), atol=1e-5)


def test_many_steps_at_once() -> None:
    tensors = parameters()
    sketch = Sketch(tensors, 7)
    rows, steps = [], []
    for _ in range(4):
        for tensor in tensors:
            tensor += 0.1
        rows.append(sketch.measure())
        steps.append(sketch.later())
    columns = sketch.columns(steps)
    assert list(columns) == list(rows[0])
    for name, values in columns.items():
        assert values.dtype == np.float32
        assert values.tolist() == pytest.approx([row[name] for row in rows], abs=1e-6)
