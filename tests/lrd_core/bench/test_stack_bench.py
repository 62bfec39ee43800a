"""The benchmark of stacked training runs; its figures are not judged here."""

from lrd_core.bench.stack import measure


def test_it_measures():
    found = measure(rounds=1, repeat=1)
    assert set(found) == {
        "stacked_speedup_64_mlps",
        "stacked_over_single_runs",
        "stacked_step_ms",
        "one_by_one_step_ms",
    }
    assert min(found.values()) > 0
