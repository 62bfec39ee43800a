"""Where an experiment may train: this machine, a node that has what it needs, or its own again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from backend.jobs.job import Job
from backend.jobs.node_messages import NodeHello
from backend.jobs.nodes import Nodes
from backend.jobs.room import open_to_sweeps
from backend.jobs.sites import Site, device_elsewhere, sites_for
from backend.protocol import Experiment, Tensor
from backend.settings import Settings
from lrd_core.settings import SettingError
from tests.backend.store.test_store import experiment

GPU = {"devices": ["cuda:0", "cpu"], "data": ["mnist"]}


async def said(_: str) -> None: ...


async def ended(_: int, __: str) -> None: ...


async def nodes(**each: dict[str, Any]) -> Nodes:
    """Connected nodes of these names."""
    found = Nodes(list, lambda *_: None)
    for name, given in each.items():
        about = {"devices": ["cpu"], "data": [], "places": 1, "cores": 4, **given}
        await found.connect(NodeHello(link=1, node=name, instance=name, **about), said, ended)
    return found


def names(found: Nodes, settings: Settings, **changes: Any) -> list[str]:
    wanted = experiment(**{"node": "", "tensors": [], **changes})
    return [site.name for site in sites_for(wanted, settings, found)]


async def test_this_machine_comes_first_and_one_without_a_place_not_at_all() -> None:
    found = await nodes(b={}, a={})
    assert names(found, Settings()) == ["", "a", "b"]
    assert names(found, Settings(max_jobs=0)) == ["a", "b"]
    assert names(Nodes(list, lambda *_: None), Settings(max_jobs=0)) == []


async def test_what_has_begun_goes_on_at_home_while_that_is_there() -> None:
    found, begun = await nodes(a={}, b={}), [Tensor(name="w", shape=[2])]
    assert names(found, Settings(), node="b", tensors=begun) == ["b"]
    assert names(found, Settings(), node="gone", tensors=begun) == ["", "a", "b"]
    assert names(found, Settings(), tensors=begun) == [""]
    # One that was asked for waits; so does one whose node is about to end.
    assert names(found, Settings(), node="gone") == []
    found.named("b").leaving = True
    assert names(found, Settings(), node="b") == []


async def test_devices_and_data_count_where_they_are() -> None:
    found = await nodes(gpu=GPU, plain={})
    assert names(found, Settings(), device="cuda:0") == ["gpu"]
    mnist = {"problem": "mnist-mlp", "device": "cpu"}
    assert names(found, Settings(max_jobs=0), **mnist) == ["gpu"]
    assert device_elsewhere("auto", "", "", found) == "cuda:0"
    assert device_elsewhere("cuda", "", "", found) == "cuda:0"
    assert device_elsewhere("cpu", "", "", found) is None
    assert device_elsewhere("cpu", "plain", "", found) == "cpu"
    assert device_elsewhere("auto", "gpu", "mnist", found) == "cuda:0"
    with pytest.raises(SettingError, match=r"device: 'cuda'.*devices of plain: cpu"):
        device_elsewhere("cuda", "plain", "", found)
    with pytest.raises(SettingError, match=r"node: 'plain'.*where the data set mnist is"):
        device_elsewhere("auto", "plain", "mnist", found)


def jobs_of(*experiments: Experiment) -> list[Job]:
    jobs = [SimpleNamespace(experiment=one, queued=False) for one in experiments]
    return cast("list[Job]", jobs)


async def test_the_last_place_of_every_machine_is_no_sweeps() -> None:
    """However many places another machine has."""
    nearby = Site(None, 2, 1, ["cpu"], 16)
    found = await nodes(far={"places": 2, "cores": 16})
    far = Site(found.named("far"), 2, 1, ["cpu"], 16)
    here, there = (experiment(sweep="s", state="running", node=name) for name in ("", "far"))
    assert open_to_sweeps([nearby, far], jobs_of()) == [nearby, far]
    assert open_to_sweeps([nearby, far], jobs_of(here)) == [far]
    assert open_to_sweeps([nearby, far], jobs_of(there)) == [nearby]
    assert open_to_sweeps([nearby, far], jobs_of(here, there)) == []


def test_sweeps_take_as_many_places_as_there_are_cores_and_leave_one() -> None:
    def room(training: int, places: int, cores: int) -> bool:
        site = Site(None, places, 1, ["cpu"], cores)
        rows = [experiment(sweep="s", state="running", node="") for _ in range(training)]
        # Those that stand still, or are of no sweep, do not count.
        paused = experiment(sweep="s", state="paused", node="")
        others = [paused, experiment(state="running", node="")]
        return open_to_sweeps([site], jobs_of(*rows, *others)) == [site]

    assert [room(n, places=8, cores=2) for n in (0, 1, 2)] == [True, True, False]
    assert [room(n, places=3, cores=16) for n in (1, 2)] == [True, False]
    assert [room(n, places=1, cores=2) for n in (0, 1)] == [True, False]
