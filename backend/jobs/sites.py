"""Sites: the machines that an experiment may train on, this one and the nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backend.jobs.job import Job
from backend.jobs.nodes import Node, Nodes
from backend.jobs.usage import cores
from backend.protocol import Experiment, NodeInfo
from backend.settings import Settings
from lrd_core.engine.devices import devices
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError


@dataclass(frozen=True)
class Site:
    """A machine: `node` is None for this one; `places` and `jobs_per_gpu` are experiments at the
    same time, `data` the data sets that are there (None: not looked for)."""

    node: Node | None
    places: int
    jobs_per_gpu: int
    devices: list[str]
    cores: int
    data: list[str] | None = None

    @property
    def name(self) -> str:
        """Of the node; empty for this machine."""
        return self.node.name if self.node else ""

    def jobs(self, among: Iterable[Job]) -> Iterator[Job]:
        """Those that hold a place here."""
        return (job for job in among if job.experiment.node == self.name and not job.queued)

    def can(self, experiment: Experiment) -> bool:
        """Whether it has what the experiment needs, however busy it is."""
        need = get_problem(experiment.problem).data
        there = not need or self.data is None or need in self.data
        return experiment.device in self.devices and self.places > 0 and there


def here(settings: Settings) -> Site:
    """This machine."""
    return Site(None, settings.max_jobs, settings.jobs_per_gpu, devices(), cores())


def elsewhere(nodes: Nodes) -> list[Site]:
    """The nodes that take experiments."""
    return [
        Site(node, about.places, about.jobs_per_gpu, about.devices, about.cores, about.data)
        for node in nodes.all()
        if node.open and (about := node.about) is not None
    ]


def sites_for(experiment: Experiment, settings: Settings, nodes: Nodes) -> list[Site]:
    """Where an experiment may train, the best first.

    One that has begun goes on where its checkpoints are, if that machine is there; one that was
    asked for on a node waits for that node.
    """
    own, others = here(settings), elsewhere(nodes)
    begun = bool(experiment.tensors)
    home = [site for site in others if site.name == experiment.node]
    if experiment.node and (home or not begun):
        return home
    if begun and not experiment.node and own.can(experiment):
        return [own]
    return [site for site in (own, *others) if site.can(experiment)]


def check_node(name: str, nodes: Nodes) -> None:
    """Refuse the name of a node that is not there.

    Raises:
        SettingError: with the names of those that are.
    """
    if name and nodes.find(name) is None:
        known = [site.name for site in elsewhere(nodes)]
        names = f"one of {', '.join(known)}" if known else "none is connected: see `lrd worker`"
        raise SettingError("node", name, f"empty for any machine, or a node ({names})")


def device_elsewhere(asked: str, node: str, data: str, nodes: Nodes) -> str | None:
    """The device of an experiment that only a node can train: on the one that was asked for, or on
    one with a device or data set that this machine lacks. None: this machine will do.

    Raises:
        SettingError: no such device there.
    """
    sites = [site for site in elsewhere(nodes) if node in ("", site.name)]
    sites = [site for site in sites if not data or data in (site.data or [])]
    wanted = "cuda:0" if asked == "cuda" else asked
    if node:
        known = sites[0].devices if sites else []
        chosen = known[0] if wanted == "auto" and known else wanted
        if chosen not in known:
            allowed = f"auto or one of the devices of {node}: {', '.join(known)}"
            if not known:
                raise SettingError("node", node, f"a node where the data set {data} is")
            raise SettingError("device", asked, allowed)
        return chosen
    own = devices()
    if wanted == "auto":
        gpus = [name for site in sites for name in site.devices if name != "cpu"]
        return gpus[0] if own[0] == "cpu" and gpus else None
    found = any(wanted in site.devices for site in sites)
    return wanted if wanted not in own and found else None


def info(site: Site, jobs: Iterable[Job]) -> NodeInfo:
    """A node, as it is told."""
    return NodeInfo(
        name=site.name,
        places=site.places,
        jobs=sum(1 for _ in site.jobs(jobs)),
        cores=site.cores,
        devices=site.devices,
        data=site.data or [],
    )
