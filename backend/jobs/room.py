"""Makes room for one more experiment: which of those that have a worker can do without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from backend.errors import ApiError
from backend.jobs.job import Job


async def make_room(
    jobs: Iterable[Job],
    limit: int,
    leaving: str | None,
    let_go: Callable[[Job], Awaitable[None]],
) -> None:
    """Let the workers of some `jobs` go, the oldest first, until fewer than `limit` are left.

    Finished experiments nobody watches go first, then paused ones nobody watches (they stop), then
    finished ones that are watched. `leaving` is the id of one that ends anyhow.

    Raises:
        ApiError: 409, all others train or are watched; then nothing was let go.
    """
    held = sorted(
        (job for job in jobs if job.id != leaving), key=lambda job: job.experiment.created_at
    )
    excess = len(held) - limit + 1
    ended = [job for job in held if not job.active]
    paused = [job for job in held if job.experiment.state == "paused" and not job.watched]
    spare = sorted(ended, key=lambda job: job.watched)
    quiet = sum(not job.watched for job in ended)
    spare[quiet:quiet] = paused
    if excess > len(spare):
        allowed = f"at most {limit} experiments at once"
        words = f"{limit} are training or watched, {allowed}; stop one first, or raise LRD_MAX_JOBS"
        raise ApiError(409, "experiments", len(held) + 1, allowed, f"experiments: {words}")
    for job in spare[: max(excess, 0)]:
        if job.active:
            job.stop_words = "stopped at step {step} to make room"
        await let_go(job)
