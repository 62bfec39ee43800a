"""The faults themselves: one that fails halfway would look like a loss."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.torture.ordeal import ROOT, SITE

#: The disk fills within one transaction and has room again within the next.
WRITER = """
import sys
from pathlib import Path
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

full = Path(sys.argv[1], "full")
engine = create_engine(f"sqlite:///{sys.argv[1]}/rows.sqlite3")

def write(number):
    connection.execute(text("INSERT INTO rows VALUES (:n)"), {"n": number})

with engine.begin() as connection:
    connection.execute(text("CREATE TABLE rows (n INTEGER)"))
with engine.begin() as connection:
    connection.execute(text("SELECT 1"))
    full.touch()
    write(1)
try:
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        full.unlink()
        write(2)
except OperationalError as error:
    print(error.orig)
with engine.begin() as connection:
    write(3)
    print([row.n for row in connection.execute(text("SELECT n FROM rows"))])
"""


def test_a_transaction_finds_the_disk_full_or_not_from_begin_to_end(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": f"{SITE}:{ROOT}", "LRD_FAULTS": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.splitlines() == ["database or disk is full", "[1, 3]"], said.stderr
