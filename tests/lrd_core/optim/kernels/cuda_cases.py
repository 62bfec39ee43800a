"""CUDA kernels in Triton's interpreter, on CPU tensors, against the float64 reference.

`test_cuda_interpreted.py` runs these in a process of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from lrd_core.optim.kernels import cuda, cuda_device
from lrd_core.optim.kernels.cuda import CudaBatch
from lrd_core.optim.kernels.entry import SUMS, Entry, Variant
from lrd_core.optim.kernels.program import Program, known_settings, program
from lrd_core.optim.random_bits import keep_at, keep_mask
from lrd_core.optim.reference import Reference
from lrd_core.optim.rules import RULES, get_rule
from lrd_core.optim.rules.blocks import NUMPY, bind
from lrd_core.optim.rules.rule import Rule
from lrd_core.settings import Setting, Value, check_settings

assert triton.knobs.runtime.interpret, "set TRITON_INTERPRET=1"

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

#: More than a block, one number, none.
SHAPES: list[tuple[int, ...]] = [(35, 31), (), (0, 3)]
SEED = -3

CASES: list[tuple[str, dict[str, Value]]] = [(name, {}) for name in RULES] + [
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "dampening": 0.3}),
    ("rmsprop", {"momentum": 0.9, "weight_decay": 0.1}),
    ("rmsprop", {"centered": True, "alpha": 0.9}),
    ("adam", {"weight_decay": 0.1, "beta1": 0.0, "lr": 0.01}),
    ("adamw", {"weight_decay": 0.5, "lr": 0.1}),
    ("amsgrad", {"beta2": 0.5, "weight_decay": 0.1}),
    ("nadam", {"momentum_decay": 0.5, "weight_decay": 0.1}),
    ("radam", {"beta2": 0.9, "lr": 0.05}),
    ("adagrad", {"lr_decay": 0.1, "weight_decay": 0.1}),
    ("adadelta", {"rho": 0.5, "weight_decay": 0.1}),
    ("lion", {"weight_decay": 0.1, "lr": 0.01}),
]
IDS = [" ".join([name, *(f"{k}={v}" for k, v in given.items())]) for name, given in CASES]


class Run:
    """A batch over tensors of `SHAPES`, and what its steps need."""

    def __init__(
        self,
        rule: Rule | str,
        given: Mapping[str, Value] | None = None,
        shapes: Sequence[tuple[int, ...]] = tuple(SHAPES),
        starts: Sequence[int] | None = None,
        capturable: bool = False,
        **variant: Any,
    ) -> None:
        self.rule = get_rule(rule) if isinstance(rule, str) else rule
        self.settings = check_settings(self.rule.settings, given or {})
        self.program: Program = program(self.rule, known_settings(self.rule, self.settings))
        self.variant = Variant(variant.pop("dtype", torch.float32), **variant)
        self.rng = np.random.default_rng(5)
        dtype = self.variant.dtype
        self.parameters = [torch.tensor(self.rng.normal(size=s)).to(dtype) for s in shapes]
        self.before = [p.double().numpy().copy() for p in self.parameters]
        self.entries = [
            Entry(
                index=i,
                start=starts[i] if starts else 0,
                parameter=p,
                states=tuple(torch.zeros_like(p) for _ in self.program.states),
                step=torch.zeros((), dtype=torch.float32),
            )
            for i, p in enumerate(self.parameters)
        ]
        self.first = tuple((self.rule.scalars or {}).values())
        self.scalars = [tuple(torch.tensor(v) for v in self.first) for _ in self.entries]
        self.batch = CudaBatch(self.program, self.variant, self.entries, self.scalars)
        self.capturable = capturable
        self.mask_step = torch.zeros(1, dtype=torch.int64)

    def gradients(self) -> list[torch.Tensor]:
        """Normal ones, as the variant's dtype holds them."""
        dtype = self.variant.dtype
        return [torch.tensor(self.rng.normal(size=p.shape)).to(dtype) for p in self.parameters]

    def step(
        self,
        gradients: list[torch.Tensor],
        keep: float | list[float] = 0.5,
        factor: float = 1.0,
        **more: Any,
    ) -> NDArray[np.float64]:
        """One step; the sums, or an empty array."""
        n = len(self.entries)
        if not self.capturable:
            step = int(self.entries[0].step) + 1
            constants, self.first = self.program.evaluate(step, self.settings, self.first)
            more["constants"] = np.tile(np.array(constants, dtype=np.float64), (n, 1))
        elif "settings" not in more:
            more["settings"] = [self.settings] * n
        keeps = keep if isinstance(keep, list) else [keep] * n
        sums = self.batch.step(gradients, SEED, self.mask_step, keeps, [factor] * n, **more)
        return np.zeros(0) if sums is None else sums.numpy()


def arrays(tensors: Sequence[torch.Tensor]) -> list[NDArray[np.float64]]:
    """As float64."""
    return [t.double().numpy() for t in tensors]


@pytest.mark.parametrize("capturable", [False, True], ids=["host", "device"])
@pytest.mark.parametrize(("rule", "given"), CASES, ids=IDS)
def test_steps_equal_the_reference(rule: str, given: dict[str, Value], capturable: bool) -> None:
    run = Run(rule, given, capturable=capturable)
    reference = Reference(rule, run.before, given, drop_rate=0.5, seed=SEED)
    # RAdam's denominator counts from the sixth step on.
    for count in range(1, 8 if given.get("beta2") == 0.9 else 3):
        before = [p.clone() for p in run.parameters]
        gradients = run.gradients()
        run.step(gradients)
        reference.step(arrays(gradients))
        assert run.mask_step.item() == count
        for i, entry in enumerate(run.entries):
            mask = torch.tensor(reference.masks[i])
            assert torch.equal(entry.parameter[~mask], before[i][~mask])
            np.testing.assert_allclose(entry.parameter, reference.parameters[i], 2e-5, 2e-6)
            state = reference.state(i)
            for name, tensor in zip(run.program.states, entry.states, strict=True):
                np.testing.assert_allclose(tensor, state[name], 1e-4, 1e-5, err_msg=name)
            assert entry.step is not None
            assert entry.step.item() == count
            if capturable:
                for name, scalar in zip(run.rule.scalars or {}, run.scalars[i], strict=True):
                    assert scalar.item() == pytest.approx(state[name], rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float16, 2e-3), (torch.bfloat16, 1.6e-2), (torch.float64, 1e-13)],
    ids=["float16", "bfloat16", "float64"],
)
@pytest.mark.parametrize("capturable", [False, True], ids=["host", "device"])
def test_other_types(dtype: torch.dtype, tolerance: float, capturable: bool) -> None:
    # The interpreter cuts bfloat16 off where a GPU rounds to nearest: a whole unit is allowed.
    given: dict[str, Value] = {"lr": 0.1, "weight_decay": 0.1}
    run = Run("nadam", given, capturable=capturable, dtype=dtype)
    reference = Reference("nadam", run.before, given, drop_rate=0.5, seed=SEED)
    # mu_product is float32 on the device.
    tolerance = max(tolerance, 1e-6) if capturable else tolerance
    for _ in range(2):
        gradients = run.gradients()
        run.step(gradients)
        reference.step(arrays(gradients))
    for i, p in enumerate(run.parameters):
        np.testing.assert_allclose(p.double(), reference.parameters[i], tolerance, tolerance / 2)


@pytest.mark.parametrize("seed", [0, -1, 2**63 + 5, 2**64 - 1])
@pytest.mark.parametrize("step", [0, 2**40], ids=["first", "late"])
def test_mask_bits(seed: int, step: int) -> None:
    keeps = [1e-3, 0.5, 0.999, 1.0, 1e-10]
    run = Run("sgd", {"lr": 1.0}, shapes=[(1300,)] * len(keeps))
    run.mask_step.fill_(step)
    gradients = [torch.ones_like(p) for p in run.parameters]
    old = [p.clone() for p in run.parameters]
    ones = [1.0] * len(keeps)
    constants = np.full((len(keeps), 1), -1.0)
    run.batch.step(gradients, seed, run.mask_step, keeps, ones, constants=constants)
    for i, keep in enumerate(keeps):
        expected = keep_mask(seed, step + 1, i, 1300, keep)
        assert torch.equal(run.parameters[i] != old[i], expected)


def test_mask_bits_of_shards_and_beyond_32_bits() -> None:
    starts = [0, 1003, 2**24 - 700, 3 * 2**32 - 5]
    run = Run("sgd", {"lr": 1.0}, shapes=[(1300,)] * 4, starts=starts)
    old = [p.clone() for p in run.parameters]
    run.step([torch.ones_like(p) for p in run.parameters])
    for i, start in enumerate(starts):
        expected = keep_at(SEED, 1, i, torch.arange(start, start + 1300), 0.5)
        assert torch.equal(run.parameters[i] != old[i], expected)


def test_dropped_coordinates_keep_their_bits() -> None:
    run = Run("adam", shapes=[(64,)])
    odd = [0x7FC12345, 0x7F800000, -(1 << 31), 1, 0x7FA00001]
    bits = torch.tensor((odd * 13)[:64], dtype=torch.int32)
    run.parameters[0].copy_(bits.view(torch.float32))
    gradient = torch.full((64,), math.nan)
    run.step([gradient])
    mask = keep_mask(SEED, 1, 0, 64, 0.5)
    after = run.parameters[0].view(torch.int32)
    assert torch.equal(after[~mask], bits[~mask])
    assert run.parameters[0][mask].isnan().all()
    # Moments see the gradients of dropped coordinates too.
    assert run.entries[0].states[0].isnan().all()


@pytest.mark.parametrize("capturable", [False, True], ids=["host", "device"])
def test_rescaled(capturable: bool) -> None:
    run = Run("adamw", {"lr": 0.1}, capturable=capturable, scaled=True)
    reference = Reference("adamw", run.before, {"lr": 0.1}, 0.75, SEED, rescale=True)
    for _ in range(2):
        gradients = run.gradients()
        run.step(gradients, keep=0.25, factor=4.0)
        reference.step(arrays(gradients))
    for p, expected in zip(run.parameters, reference.parameters, strict=True):
        np.testing.assert_allclose(p, expected, 1e-5, 1e-6)


@pytest.mark.parametrize("rescale", [False, True])
def test_coin_on_the_gradient(rescale: bool) -> None:
    given: dict[str, Value] = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}
    run = Run("sgd", given, mode="gradient", scaled=rescale)
    reference = Reference(
        "sgd", run.before, given, 0.75, SEED, rescale=rescale, policy="gradient_dropout"
    )
    for _ in range(3):
        gradients = run.gradients()
        # An infinity that is dropped leaves no trace.
        coin = keep_mask(SEED, reference.steps + 1, 0, gradients[0].numel(), 0.25)
        gradients[0][~coin.view(gradients[0].shape)] = math.inf
        run.step(gradients, keep=0.25, factor=4.0)
        reference.step([np.nan_to_num(g, posinf=0) for g in arrays(gradients)])
    for p, expected in zip(run.parameters, reference.parameters, strict=True):
        np.testing.assert_allclose(p, expected, 1e-5, 1e-6)


@pytest.mark.parametrize("mode", ["update", "gradient"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_statistics(mode: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "CHUNK", 2)
    shapes = [*SHAPES, (3, 1024)]
    given: dict[str, Value] = {"lr": 0.1, "weight_decay": 0.1}
    run = Run("adam", given, shapes, mode=mode, dtype=dtype, statistics=True, scaled=True)
    old = arrays([p.clone() for p in run.parameters])
    gradients = run.gradients()
    sums = run.step(gradients, keep=0.25, factor=1.0)
    masks = [keep_mask(SEED, 1, i, p.numel(), 0.25) for i, p in enumerate(run.parameters)]
    twin = Run("adam", given, shapes, dtype=dtype)
    seen = [
        torch.where(m.view(g.shape), g, 0) if mode == "gradient" else g
        for m, g in zip(masks, gradients, strict=True)
    ]
    twin.step(seen, keep=1.0)
    assert sums.shape == (len(shapes), len(SUMS))
    for i, (mask, g) in enumerate(zip(masks, arrays(gradients), strict=True)):
        full = arrays([twin.parameters[i]])[0] - old[i]
        kept = full * mask.view(full.shape).numpy() if mode == "update" else full
        products = (g * g, full * full, full * g, kept * full, kept * g)
        expected = [product.sum() for product in products] + [mask.sum().item()]
        np.testing.assert_allclose(sums[i], expected, 1e-6, 1e-12)


@pytest.mark.parametrize("capturable", [False, True], ids=["host", "device"])
def test_found_inf_changes_nothing(capturable: bool) -> None:
    run = Run("nadam", capturable=capturable, statistics=True)
    twin = Run("nadam", capturable=capturable, statistics=True)
    gradients = run.gradients()
    tensors = [*run.parameters, run.mask_step, *(s for own in run.scalars for s in own)]
    tensors += [t for e in run.entries for t in (*e.states, e.step)]
    before = [t.clone() for t in tensors]
    first = run.first
    sums = run.step(gradients, found_inf=torch.ones(1), grad_scale=torch.full((1,), 8.0))
    assert not sums.any()
    for old, tensor in zip(before, tensors, strict=True):
        assert torch.equal(old, tensor)
    run.first = first
    run.step(gradients, found_inf=torch.zeros(1))
    twin.step(gradients)
    assert run.mask_step.item() == 1
    for p, q in zip(run.parameters, twin.parameters, strict=True):
        assert torch.equal(p, q)


def test_gradients_are_unscaled_and_left_so() -> None:
    run, twin = Run("sgd", {"momentum": 0.9}), Run("sgd", {"momentum": 0.9})
    gradients = run.gradients()
    scaled = [g * 1024 for g in gradients]
    run.step(scaled, grad_scale=torch.full((1,), 1024.0), found_inf=torch.zeros(1))
    twin.step(gradients)
    for p, q in zip(run.parameters, twin.parameters, strict=True):
        assert torch.equal(p, q)
    for g, left in zip(gradients, scaled, strict=True):
        assert torch.equal(g, left)


def test_settings_on_the_device_are_read_at_each_step() -> None:
    run = Run("adam", capturable=True)
    lr = torch.tensor(0.1)
    groups = [{**run.settings, "lr": lr}, {**run.settings, "lr": 0.02, "weight_decay": 0.3}]
    settings = [groups[0], groups[1], groups[1]]
    # weight_decay is 0 and known in the first group's program: one program, one answer.
    run.program = program(run.rule, ())
    run.batch = CudaBatch(run.program, run.variant, run.entries)
    reference = [
        Reference("adam", run.before, {"lr": 0.1}, 0.5, SEED),
        Reference("adam", run.before, {"lr": 0.02, "weight_decay": 0.3}, 0.5, SEED),
    ]
    gradients = run.gradients()
    for rate in (0.1, 0.05, 0.2):
        lr.fill_(rate)
        reference[0].settings["lr"] = rate
        run.step(gradients, settings=settings)
        for each in reference:
            each.step(arrays(gradients))
    for i, p in enumerate(run.parameters):
        expected = reference[settings[i] is groups[1]].parameters[i]
        np.testing.assert_allclose(p, expected, 2e-5, 1e-6)


def test_batches_that_share_a_mask_step() -> None:
    a, b = Run("sgd"), Run("sgd")
    b.mask_step = a.mask_step
    gradients = a.gradients()
    a.step(gradients, counts=False)
    assert a.mask_step.item() == 0
    b.step(gradients)
    assert a.mask_step.item() == 1
    for p, q in zip(a.parameters, b.parameters, strict=True):
        assert torch.equal(p, q)


def test_more_tensors_than_one_program_prepares() -> None:
    given: dict[str, Value] = {"momentum": 0.9}
    shapes: list[tuple[int, ...]] = [(0,)] * (cuda.LANES - 1) + [(3,)] * 3
    run = Run("sgd", given, shapes, capturable=True)
    reference = Reference("sgd", run.before, given, 0.5, SEED)
    gradients = run.gradients()
    run.step(gradients)
    reference.step(arrays(gradients))
    for p, expected in zip(run.parameters, reference.parameters, strict=True):
        np.testing.assert_allclose(p, expected, 1e-5, 1e-6)


def test_unaligned_memory() -> None:
    run, twin = Run("sgd", {"momentum": 0.9}), Run("sgd", {"momentum": 0.9})
    gradients = run.gradients()
    shifted = [torch.cat([torch.zeros(1), g.flatten()])[1:].view(g.shape) for g in gradients]
    assert any(g.data_ptr() % 16 for g in shifted)
    run.step(shifted)
    twin.step(gradients)
    for p, q in zip(run.parameters, twin.parameters, strict=True):
        assert torch.equal(p, q)


def _every_block(p: Any, g: Any, step: Any, m: Any, lr: Any, limit: Any) -> tuple[Any, ...]:
    m = maximum(minimum(m + g, limit), -limit)  # type: ignore[name-defined]  # noqa: F821
    size = power(absolute(m), 1.5) + 1.25  # type: ignore[name-defined]  # noqa: F821
    turned = where(g * m > 0.0, sign(g) / size, where(m == g, -g, 0.5))  # type: ignore[name-defined]  # noqa: F821
    return -lr * turned * sqrt(absolute(p)) + (g <= 0.0) * 0.125, m  # type: ignore[name-defined]  # noqa: F821


def test_a_rule_with_every_block_and_names_of_its_own() -> None:
    rule = Rule(
        name="blocks",
        label="",
        paper="",
        settings=(Setting("lr", 0.1, 0.0, 1.0), Setting("limit", 0.7, 0.0, 1.0)),
        state=("m",),
        update=_every_block,
    )
    for capturable in (False, True):
        run = Run(rule, capturable=capturable)
        p, m = run.before, [np.zeros_like(b) for b in run.before]
        update = bind(_every_block, NUMPY)
        for step in (1, 2):
            gradients = run.gradients()
            run.step(gradients, keep=1.0)
            for i, g in enumerate(arrays(gradients)):
                delta, m[i] = update(p=p[i], g=g, step=step, m=m[i], lr=0.1, limit=0.7)
                p[i] = p[i] + delta
        for i, parameter in enumerate(run.parameters):
            np.testing.assert_allclose(parameter, p[i], 1e-5, 1e-6)


@triton.jit
def _powers(base: Any, exponent: Any, out: Any, count: tl.constexpr) -> None:
    at = tl.arange(0, count)
    value = cuda_device.power(tl.load(base + at), tl.load(exponent + at), tl.float64)
    tl.store(out + at, value)


def test_power_equals_numpy() -> None:
    bases = [0.0, 0.5, 0.999999, 1.0, 2.0, 0.96, -2.0, -0.3, math.inf, math.nan, -1.0, 1e300]
    exponents = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 1e5, -2.5, 17.0]
    grid = np.array([(b, e) for b in bases for e in exponents])
    count = 128
    padded = np.concatenate([grid, np.ones((count - len(grid), 2))])
    out = torch.empty(count, dtype=torch.float64)
    columns = torch.tensor(padded.T.copy())
    _powers[(1,)](columns[0].contiguous(), columns[1].contiguous(), out, count)
    with np.errstate(all="ignore"):
        expected = np.power(padded[:, 0], padded[:, 1])
    # An odd power of −0 or 0 to a negative one has a sign that is not kept.
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-12)
