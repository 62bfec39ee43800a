"""A lesson's file: what is made of it, and what is said about a bad one."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from backend.commands import run
from backend.lessons import TEXTS, LessonError, Shelf, read
from backend.protocol import ControlIn, ExperimentIn, Lesson

FRONT = """+++
title = "The ravine"
minutes = 6
learn = "One learning rate, two directions."

[experiment]
problem = "ravine"
steps = 600
runs = ["sgd lr=0.01", "sgd lr=0.01 drop_rate=0.5"]
+++
"""
BODY = """
## First

Some *words* and a [link](https://arxiv.org/abs/1912.00144).

```try
label = "Drop more"
set = ["r2 drop_rate=0.9", "all lr=0.02"]
```

> The second run stands still.

## Second

More words.

```try
label = "Another run"
add = "adam lr=0.05"
set = "r3 drop_rate=0.5"
```

```try
label = "Elsewhere"
start = { seed = 3, settings = { start_x = 1.0 } }
```
"""


def write(folder: Path, text: str, name: str = "02-ravine.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def lesson(folder: Path, text: str = FRONT + BODY) -> Lesson:
    return read(write(folder, text))


def test_a_file_becomes_a_lesson(tmp_path: Path) -> None:
    found = lesson(tmp_path)
    assert (found.name, found.title, found.minutes, found.kind) == (
        "ravine",
        "The ravine",
        6,
        "surface",
    )
    assert found.command == (
        "lrd run --problem ravine --seed 0 --steps 600 "
        "--run 'sgd lr=0.01' --run 'sgd lr=0.01 drop_rate=0.5'"
    )
    first, second = found.steps
    assert (first.title, second.title) == ("First", "Second")
    assert "<em>words</em>" in first.text
    assert 'target="_blank"' in first.text
    assert "Drop more" not in first.text
    assert first.see == "<p>The second run stands still.</p>\n"
    assert second.see == ""


def test_buttons_become_controls_or_another_experiment(tmp_path: Path) -> None:
    found = lesson(tmp_path)
    [more], [another, elsewhere] = (step.tries for step in found.steps)
    assert more.experiment is None
    assert more.controls == [
        {"kind": "set", "run": "r2", "setting": "drop_rate", "value": 0.9},
        {"kind": "set", "run": None, "setting": "lr", "value": 0.02},
    ]
    # Runs are added before they are changed.
    assert [control["kind"] for control in another.controls] == ["add_run", "set"]
    assert elsewhere.controls == []
    assert elsewhere.experiment is not None
    assert elsewhere.experiment["seed"] == 3
    assert elsewhere.experiment["settings"] == {"start_x": 1.0}
    assert elsewhere.experiment["runs"] == found.experiment["runs"]


def test_html_in_a_lesson_is_text(tmp_path: Path) -> None:
    body = "\n## One\n\n<script>alert(1)</script> [bad](javascript:alert(1))\n"
    found = lesson(tmp_path, FRONT + body)
    assert "<script>" not in found.steps[0].text
    assert "&lt;script&gt;" in found.steps[0].text
    assert "href" not in found.steps[0].text


def button(text: str) -> str:
    return f"{FRONT}\n## One\n\nWords.\n\n```try\n{text}\n```\n"


@pytest.mark.parametrize(
    ("text", "field", "mend"),
    [
        ("## One\n\nWords.\n", "line 1", r"a line of \+\+\+"),
        ('+++\ntitle = "x"\n', "front matter", r"a second line of \+\+\+"),
        ("+++\ntitle = x\n+++\n", "front matter", r"TOML \(.*line 1"),
        (FRONT.replace("minutes = 6", 'minutes = "six"'), "minutes", "a whole number in"),
        (FRONT.replace("minutes = 6", "minutes = 0"), "minutes", "a whole number in"),
        (FRONT.replace('title = "The ravine"\n', ""), "title", "text of 1 to 60"),
        (FRONT.replace("learn =", "teaches ="), "teaches", "one of title, minutes, learn"),
        (FRONT.replace('problem = "ravine"', 'problem = "ravin"'), "experiment.problem", "beale"),
        (
            FRONT.replace("drop_rate=0.5", "drop_rate=1.5"),
            "experiment.runs.1.drop_rate",
            r"a finite number in \[0, 1\)",
        ),
        (FRONT.replace("sgd lr=0.01 d", "sgd lr d"), "experiment.runs.1", "name=value"),
        (FRONT.replace("steps = 600", "threads = 2"), "experiment.threads", "one of paused"),
        (FRONT.replace("steps = 600", "paused = 1"), "experiment.paused", "true or false"),
        (FRONT, "body", "at least one step"),
        (FRONT + "\nWords.\n\n## One\n", "body", "before any words"),
        (FRONT + "\n## One\n\n## Two\n\nWords.\n", "step 1", "words under its heading"),
        (button('set = "r2 drop_rate=0.9"'), "step 1.try 1.label", "text of 1 to 60"),
        (button('label = "x"\nset = "r2"'), "step 1.try 1.set", "RUN SETTING=VALUE"),
        (button('label = "x"\nset = "r3 lr=1"'), "step 1.try 1.set", "one of all, r1, r2"),
        (button('label = "x"\nset = "r2 rate=1"'), "step 1.try 1.set", "one of drop_rate, lr"),
        (button('label = "x"\nset = "r2 lr=-1"'), "step 1.try 1.set.lr", "a finite number"),
        (button('label = "x"\nadd = "adm lr=1"'), "step 1.try 1.add.optimizer", "adam"),
        (button('label = "x"\nstart = { seeds = 4 }'), "step 1.try 1.start.experiment.seeds", "1:"),
        (button('label = "x"\nstart = {}\nadd = "adam"'), "step 1.try 1.start", "start alone"),
        (button('label = "x"'), "step 1.try 1.try", "set, add or start"),
        (button('label = "x"\nplay = true'), "step 1.try 1.play", "one of label, set"),
    ],
)
def test_a_bad_file_is_told_with_field_value_and_mend(
    tmp_path: Path, text: str, field: str, mend: str
) -> None:
    with pytest.raises(LessonError, match=mend) as raised:
        lesson(tmp_path, text)
    assert raised.value.file == "02-ravine.md"
    assert raised.value.error.field == field
    assert str(raised.value).startswith(f"02-ravine.md: {field}: ")


def test_a_file_that_is_no_text_or_badly_called(tmp_path: Path) -> None:
    path = tmp_path / "02-ravine.md"
    path.write_bytes(b"+++\n\xff")
    with pytest.raises(LessonError, match=r"file: 'byte 4' .* use UTF-8"):
        read(path)
    with pytest.raises(LessonError, match=r"file name: 'Ravine.md' .* 02-ravine.md"):
        read(write(tmp_path, FRONT + BODY, "Ravine.md"))


def test_a_shelf_shows_the_others_and_reads_a_mended_file_anew(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.lessons().lessons == []
    write(tmp_path, FRONT + BODY)
    bad = write(tmp_path, FRONT, "01-bad.md")
    write(tmp_path, FRONT + BODY, "03-ravine.md")
    found = shelf.lessons()
    assert [one.file for one in found.lessons] == ["02-ravine.md"]
    assert [(one.file, one.field) for one in found.faults] == [
        ("01-bad.md", "body"),
        ("03-ravine.md", "file name"),
    ]
    assert "no other lesson has" in found.faults[1].message
    bad.write_text(FRONT + BODY, encoding="utf-8")
    assert [one.file for one in shelf.lessons().lessons] == ["01-bad.md", "02-ravine.md"]


def test_our_own_lessons_have_no_fault() -> None:
    found = Shelf().lessons()
    assert found.faults == []
    assert len(found.lessons) >= 8


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_lesson_starts_and_repeats_is_taken(path: Path) -> None:
    found = read(path)
    for step in found.steps:
        for one in step.tries:
            for control in one.controls:
                ControlIn.model_validate(control)
            if one.experiment is not None:
                ExperimentIn.model_validate(one.experiment)
    words = shlex.split(found.command)
    assert words[:2] == ["lrd", "run"]
    options: dict[str, list[str]] = {}
    for name, value in zip(words[2::2], words[3::2], strict=True):
        options.setdefault(name, []).append(value)
    given = {"problem": options["--problem"][0], "steps": int(options["--steps"][0])}
    spec, _ = run.experiment(given, [], [], None, options["--run"], options.get("--set", []), [])
    settings = ExperimentIn.model_validate(found.experiment).settings
    assert spec.settings.items() >= settings.items()
    assert len(spec.runs) == len(options["--run"])
