"""What the step did: gradient and update norms, realised keep rate, angles of the masked update."""

from __future__ import annotations

from lrd_core.optim.statistics import StepStatistics


def update(statistics: StepStatistics, names: list[str]) -> dict[str, float]:
    """Columns of one step.

    ``grad_norm``, ``update_norm``: Euclidean norms of the gradient and of the masked update;
    ``keep_rate``: share of coordinates kept, overall and (for several tensors) as
    ``keep_rate/<tensor>``; ``cos_full``: cosine of the masked with the full update; ``cos_grad``:
    cosine of the masked update with −gradient. NaN where a norm is zero.
    """
    row = {
        "grad_norm": statistics.grad_norm,
        "update_norm": statistics.update_norm,
        "keep_rate": statistics.keep_rate,
        "cos_full": statistics.cos_full,
        "cos_grad": statistics.cos_grad,
    }
    if len(names) > 1:
        for index, kept, numel in zip(
            statistics.indices, statistics.kept, statistics.numel, strict=True
        ):
            row[f"keep_rate/{names[index]}"] = kept / numel if numel else float("nan")
    return row
