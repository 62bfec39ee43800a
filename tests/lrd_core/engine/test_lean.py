"""A program that trains does not import torch's compiler, and computes the same without it."""

import subprocess
import sys

SCRIPT = """
import sys
import torch
from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.lean import without_compiler
from lrd_core.engine.loop import Loop
from tests.lrd_core.engine.recorder import Recorder

if {lean}:
    without_compiler()
runs = [dict(optimizer=name, drop_rate=0.5) for name in ("adam", "sgd", "lion")]
given = dict(problem="digits", steps=20, speed=0, seed=3, runs=runs, device="cpu")
sink = Recorder()
Loop(check_experiment(given), sink, stay=False).run()
print("torch._dynamo" in sys.modules)
print(sorted((key, row["loss"].hex()) for key, row in sink.rows.items() if "loss" in row))
if {lean}:
    compiled = torch.compile(lambda x: x.sin() + 1, backend="eager")
    print(compiled(torch.zeros(2)).tolist())
"""


def told(lean):
    command = [sys.executable, "-c", SCRIPT.format(lean=lean)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_compiler_is_not_imported_and_no_bit_differs():
    imported, rows = told(False)
    assert imported == "True"
    lean, same, compiled = told(True)
    assert lean == "False"
    assert same == rows
    assert rows.count("0x") == 60
    # Whoever wants it still has it.
    assert compiled == "[1.0, 1.0]"
