"""Curvature of the fixed loss: extreme Hessian eigenvalues, trace, and negative directions."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from lrd_core.probes.point import Point, standing
from lrd_core.problems.problem import Instance
from lrd_core.seeds import generator

#: Lanczos steps, at most.
STEPS = 30
#: Samples of the trace.
SAMPLES = 8
#: An extreme eigenvalue is taken once its residual is below this share of the largest in size.
TOLERANCE = 1e-3
#: Bytes for earlier Lanczos vectors; a model with no room for all of them keeps the newest.
MEMORY = 512 * 2**20
#: Up to so many parameters the whole Hessian is taken.
SMALL = 16

Generated = Generator[None, None, dict[str, float]]


def curvature(
    instance: Instance, point: Point | None, seed: int, step: int, memory: int = MEMORY
) -> Generated:
    """Columns ``hessian_max``, ``hessian_min``, ``hessian_trace`` and ``curvature_ms``, the
    milliseconds of its own turns; for at most `SMALL` parameters (a surface) ``saddle_index`` too.

    One Hessian-vector product a turn. The eigenvalues come from Lanczos with full
    reorthogonalisation; from within they are bounds (the largest is at least ``hessian_max``). The
    trace is the mean of `SAMPLES` quadratic forms with random signs (Hutchinson 1990); its
    standard error is √(2/`SAMPLES`) times the norm of the Hessian's off-diagonal part. For at most
    `SMALL` parameters all are exact.

    Args:
        instance: not one that trains; afterwards it has its bits of before.
        point: where; None is where the instance stands.
        seed, step: fix the random vectors.
        memory: bytes for Lanczos vectors.

    Returns:
        The columns; NaN where the loss or its curvature is not finite.
    """
    with standing(instance, point):
        small = sum(p.numel() for p in instance.parameters) <= SMALL
        work = _exact(instance) if small else _estimated(instance, seed, step, memory)
        spent = 0.0
        while True:
            began = time.perf_counter()
            try:
                next(work)
            except StopIteration as end:
                spent += time.perf_counter() - began
                columns: dict[str, float] = end.value
                return columns | {"curvature_ms": spent * 1000}
            spent += time.perf_counter() - began
            yield


class Hessian:
    """Products of the Hessian of a scalar loss with vectors; the loss's graph is kept meanwhile.

    Args:
        instance: its parameters must not change while this is used.
    """

    def __init__(self, instance: Instance) -> None:
        self._parameters = list(instance.parameters)
        # The fast attention kernels have no second derivative.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            loss = instance.fixed_loss()
            self._gradient = torch.autograd.grad(loss, self._parameters, create_graph=True)
        self.numel = sum(p.numel() for p in self._parameters)
        self.like = self._parameters[0]

    def times(self, vector: torch.Tensor) -> torch.Tensor:
        """H v, flat (n,)."""
        parts = torch.split(vector, [p.numel() for p in self._parameters])
        pairs = zip(self._gradient, parts, strict=True)
        curved = [(g, v.view(g.shape)) for g, v in pairs if g.requires_grad]
        if not curved:
            return torch.zeros_like(vector)
        found = torch.autograd.grad(
            [g for g, _ in curved],
            self._parameters,
            [v for _, v in curved],
            retain_graph=True,
            allow_unused=True,
        )
        rows = zip(found, self._parameters, strict=True)
        return torch.cat([(torch.zeros_like(p) if f is None else f).reshape(-1) for f, p in rows])


def negative_directions(values: Sequence[float]) -> float:
    """How many eigenvalues are below 0 by more than rounding (1e-12 of the largest in size); NaN if
    one is not finite."""
    if not all(map(math.isfinite, values)):
        return math.nan
    rounding = 1e-12 * max(map(abs, values))
    return float(sum(value < -rounding for value in values))


def _exact(instance: Instance) -> Generated:
    hessian = Hessian(instance)
    rows = []
    for unit in torch.eye(hessian.numel, dtype=hessian.like.dtype, device=hessian.like.device):
        rows.append(hessian.times(unit))
        yield
    whole = torch.stack(rows).double().cpu()
    if not bool(whole.isfinite().all()):
        return _columns(math.nan, math.nan, math.nan) | {"saddle_index": math.nan}
    values = torch.linalg.eigvalsh((whole + whole.T) / 2).tolist()
    found = _columns(values[-1], values[0], float(whole.trace()))
    return found | {"saddle_index": negative_directions(values)}


def _estimated(instance: Instance, seed: int, step: int, memory: int) -> Generated:
    hessian = Hessian(instance)
    low, high = yield from lanczos(hessian, seed, step, memory)
    if math.isnan(low):
        return _columns(math.nan, math.nan, math.nan)
    draws = generator(seed, "curvature trace", step)
    forms = []
    for _ in range(SAMPLES):
        signs = draws.integers(0, 2, hessian.numel, dtype=np.int8).astype(np.float32) * 2 - 1
        vector = torch.from_numpy(signs).to(hessian.like)
        forms.append(float(torch.dot(vector, hessian.times(vector))))
        yield
    return _columns(high, low, math.fsum(forms) / SAMPLES)


def lanczos(
    hessian: Hessian, seed: int, step: int, memory: int = MEMORY, steps: int = STEPS
) -> Generator[None, None, tuple[float, float]]:
    """The smallest and the largest eigenvalue (Lanczos 1950), one product a turn.

    Ends when both residuals |β s| are below `TOLERANCE` of the largest eigenvalue in size, after
    `steps` products, or when the space is used up.
    """
    start = generator(seed, "curvature", step).standard_normal(hessian.numel, dtype=np.float32)
    vector = torch.from_numpy(start).to(hessian.like)
    vector /= torch.linalg.vector_norm(vector)
    steps = min(steps, hessian.numel)
    room = min(steps, max(2, memory // (vector.element_size() * hessian.numel)))
    basis = vector.new_zeros(room, hessian.numel)
    alphas: list[float] = []
    betas: list[float] = []
    while True:
        basis[len(alphas) % room] = vector
        image = hessian.times(vector)
        alphas.append(float(torch.dot(vector, image)))
        if not math.isfinite(alphas[-1]):
            return math.nan, math.nan
        # Twice is enough (Kahan and Parlett).
        for _ in range(2):
            image -= basis.T @ (basis @ image)
        beta = float(torch.linalg.vector_norm(image))
        values, vectors = np.linalg.eigh(_tridiagonal(alphas, betas))
        size = max(abs(values[0]), abs(values[-1]))
        residual = beta * max(abs(vectors[-1, 0]), abs(vectors[-1, -1]))
        yield
        if len(alphas) == steps or residual <= TOLERANCE * size:
            return float(values[0]), float(values[-1])
        betas.append(beta)
        vector = image / beta


def _tridiagonal(alphas: list[float], betas: list[float]) -> np.ndarray:
    return np.diag(alphas) + np.diag(betas, 1) + np.diag(betas, -1)


def _columns(high: float, low: float, trace: float) -> dict[str, float]:
    return {"hessian_max": high, "hessian_min": low, "hessian_trace": trace}
