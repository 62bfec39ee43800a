"""The `lrd` command. Every subcommand has --json; exit codes: 0 done, 1 failed, 2 bad usage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lrd_core.settings import SettingError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="LRD Lab: see what learning rate dropout does.",
    pretty_exceptions_enable=False,
)

Store = Annotated[
    str | None, typer.Option("--store", help="The store's SQLAlchemy URL; else LRD_STORE.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port.")] = None,
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard, or the API alone.")] = True,
    as_json: Json = False,
) -> None:
    """Start the server: API, stream and dashboard on one port."""
    from backend.commands.serve import serve as start

    raise typer.Exit(start(host, port, dashboard, as_json))


@app.command()
def worker(
    url: Annotated[str, typer.Argument(help="The server's address, e.g. http://lab:8000.")],
    token_file: Annotated[
        Path | None,
        typer.Option(help="A copy of the server's worker.token; or set LRD_WORKER_TOKEN."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What it is called; else this machine's name.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments at the same time.")] = 1,
    files: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints; else data/worker.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A folder that holds data sets.")] = None,
    as_json: Json = False,
) -> None:
    """Train for a server on another machine, until interrupted."""
    from backend.commands.worker import worker as train_for

    raise typer.Exit(train_for(url, token_file, name, jobs, files, data, as_json))


@app.command()
def run(
    problem: Annotated[str, typer.Option(help="A surface or a task, e.g. beale or digits.")],
    optimizer: Annotated[
        list[str] | None, typer.Option(help="Optimizer; repeat it for several.")
    ] = None,
    drop_rate: Annotated[
        list[float] | None, typer.Option(help="Drop rate in [0, 1); repeat it for several.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate; else the problem's own.")] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--run", help="One run in full, e.g. 'sgd lr=0.1 momentum=0.9 drop_rate=0.5'."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the problem, e.g. width=128.")
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", help="A change at a step, e.g. '120 r2 drop_rate=0.5'."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps to train.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of start, data order and masks.")] = 0,
    test_every: Annotated[
        int | None,
        typer.Option(help="Steps between tests on held-out data; else the problem's own."),
    ] = None,
    own_masks: Annotated[
        bool, typer.Option("--own-masks", help="Every run draws masks of its own.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="Copies of every run, each from its own seed.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    threads: Annotated[
        int, typer.Option(help="Threads of the CPU; the last bits of large models depend on it.")
    ] = 1,
    curvature_every: Annotated[
        int, typer.Option(help="Steps between two measurements of curvature; 0 for none.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder that holds the data set, or a folder of its name that does."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use no network, even if it is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train without a browser. Without --run and --optimizer: the problem's default comparison."""
    from backend.commands.run import experiment, find_data, train

    find_data(data, offline)
    given = {"problem": problem, "seed": seed, "shared_masks": not own_masks}
    given |= {"seeds": seeds, "device": device, "threads": threads}
    given |= {"curvature_every": curvature_every}
    chosen = {"steps": steps, "test_every": test_every}
    given |= {name: value for name, value in chosen.items() if value is not None}
    spec, controls = experiment(
        given, optimizer or [], drop_rate or [], lr, runs or [], settings or [], at or []
    )
    raise typer.Exit(train(spec, controls, as_json))


@app.command("list")
def list_experiments(
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many, newest first.")] = 20,
    problem: Annotated[str | None, typer.Option(help="Only of this problem.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state, e.g. finished.")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="Only with a run of this optimizer.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Only with this in the name or in a run's label.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Experiments in the store."""
    from backend.commands.listing import listing

    raise typer.Exit(listing(limit, problem, state, optimizer, text, as_json))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy; it must not exist yet.")],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Copy the store to a file, beside a server that runs."""
    from backend.commands.backup import backup as copy

    raise typer.Exit(copy(file, store, as_json))


@app.command()
def verify(store: Store = None, as_json: Json = False) -> None:
    """Check all that is stored: checksums, frames, rows, checkpoints; 1 if anything is bad."""
    from backend.commands.verify import verify as check

    raise typer.Exit(check(store, as_json))


@app.command()
def gc(
    store: Store = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Delete what nobody needs (checkpoints of no experiment, half written files), compress."""
    from backend.commands.gc import gc as clean

    raise typer.Exit(clean(store, dry_run, as_json))


@app.command()
def jobs(as_json: Json = False) -> None:
    """What the running server trains, what waits for a place, and what it takes."""
    from backend.commands.jobs import jobs as show

    raise typer.Exit(show(as_json))


@app.command()
def replay(
    experiment: Annotated[str, typer.Argument(help="Id of an experiment, see `lrd list`.")],
    store: Store = None,
    run: Annotated[str | None, typer.Option("--run", help="Only this run, e.g. r2.")] = None,
    as_json: Json = False,
) -> None:
    """Make a stored experiment's steps again, with its controls, and compare every loss."""
    from backend.commands.replay import replay as again

    raise typer.Exit(again(experiment, store, run, as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, device, port and store: is everything in its place?"""
    from backend.commands.doctor import doctor as examine

    raise typer.Exit(examine(as_json))


@app.command()
def explain(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME | policy NAME", help="An optimizer, or a policy."),
    ] = None,
    rule: Annotated[Path | None, typer.Option(help="A file with a rule, loaded first.")] = None,
    as_json: Json = False,
) -> None:
    """An optimizer or a policy: formula, settings, state, and where it runs here."""
    from backend.commands.explain import explain as tell

    raise typer.Exit(tell(name or [], rule, as_json))


@app.command()
def data(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="get NAME", help="Data sets to download; without: the list."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Data sets: which are on this machine and where; download one with `lrd data get NAME`."""
    from backend.commands.data import data as look

    raise typer.Exit(look(words or [], as_json))


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark.")] = "engine",
    device: Annotated[
        str, typer.Option(help="cpu or cuda, for a benchmark that runs on both.")
    ] = "cpu",
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Write the result to this file as well.")] = None,
    short: Annotated[bool, typer.Option("--short", help="Less exactly, in less time.")] = False,
) -> None:
    """Measure speed, as ratios within one run."""
    from backend.commands.bench import bench as measure

    raise typer.Exit(measure(name, device, as_json, out, short))


def main() -> None:
    """Entry point: errors become one sentence and an exit code."""
    try:
        app()
    except SettingError as error:
        sys.stderr.write(f"lrd: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("lrd: stopped\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
