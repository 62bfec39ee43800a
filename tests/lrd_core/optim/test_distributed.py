"""DDP, FSDP2 and DTensors on two processes: sharded equals unsharded. Cases: `sharded_cases`."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.placement_types import Placement
from torch.testing._internal.distributed.fake_pg import FakeStore

from lrd_core.optim.stepping.shards import place
from tests.lrd_core.optim import sharded_cases

SCRIPT = Path(sharded_cases.__file__)
ROOT = SCRIPT.parents[3]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What went wrong in every case, by rank."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(SCRIPT)]
    logs = [folder / f"{rank}.log" for rank in range(sharded_cases.WORLD)]
    running = []
    for rank, log in enumerate(logs):
        with log.open("w") as out:
            running.append(
                subprocess.Popen(
                    [*command, str(rank), str(folder)], env=environment, stdout=out, stderr=out
                )
            )
    try:
        codes = [process.wait(150) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert codes == [0] * sharded_cases.WORLD, "\n".join(log.read_text() for log in logs)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(len(running))]


@pytest.mark.parametrize("case", sharded_cases.CASES)
def test_two_processes(case: str, ranks: list[dict[str, str]]) -> None:
    assert [results[case] for results in ranks] == ["", ""]


MESHES: list[tuple[tuple[int, ...], list[Placement]]] = [
    ((4,), [Shard(0)]),
    ((4,), [Shard(1)]),
    ((2, 2), [Shard(0), Shard(1)]),
    ((2, 2), [Shard(0), Shard(0)]),
    ((2, 2), [Replicate(), Shard(0)]),
]


@pytest.mark.parametrize(("mesh_shape", "placements"), MESHES)
@pytest.mark.parametrize("shape", [(7, 5), (3, 9), (1, 1), (8, 4)])
def test_boxes_tile_the_parameter(
    mesh_shape: tuple[int, ...], placements: list[Placement], shape: tuple[int, int]
) -> None:
    """Four ranks, pretended one after the other: every coordinate is in as many boxes as copies."""
    seen = torch.zeros(shape, dtype=torch.int64)
    for rank in range(4):
        dist.init_process_group("fake", rank=rank, world_size=4, store=FakeStore())
        try:
            mesh = init_device_mesh("cpu", mesh_shape)
            size = [int(s) for s in _local_shape(shape, mesh_shape, placements, rank)]
            tensor = DTensor.from_local(
                torch.zeros(size),
                mesh,
                placements,
                run_check=False,
                shape=shape,
                stride=(shape[1], 1),
            )
            where = place(tensor)
        finally:
            dist.destroy_process_group()
        assert where.shape == shape
        assert list(where.local) == size
        box = tuple(slice(a, a + n) for a, n in zip(where.start, where.local, strict=True))
        seen[box] += 1
        if where.offset is not None:
            # Its positions follow each other in the whole parameter.
            flat = torch.arange(seen.numel()).view(shape)[box].flatten()
            assert flat.tolist() == list(range(where.offset, where.offset + flat.numel()))
    assert seen.eq(2 if Replicate() in placements else 1).all()


def _local_shape(
    shape: tuple[int, ...], mesh: tuple[int, ...], placements: list[Placement], rank: int
) -> list[int]:
    """torch.chunk's shape of a rank's part, dimension of the mesh by dimension."""
    part = torch.empty(shape, device="meta")
    at = list(itertools.product(*map(range, mesh)))[rank]
    for placement, index, count in zip(placements, at, mesh, strict=True):
        if isinstance(placement, Shard):
            chunks = part.chunk(count, placement.dim)
            part = chunks[index] if index < len(chunks) else part.narrow(placement.dim, 0, 0)
    return list(part.shape)
