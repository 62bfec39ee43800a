"""Random numbers are a pure function of (seed, purpose, index)."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lrd_core.seeds import generator

TRIPLES = st.tuples(st.integers(), st.text(max_size=20), st.integers(0, 2**70))


def bits(seed: int, purpose: str, index: int) -> list[int]:
    return generator(seed, purpose, index).integers(0, 2**63, 8).tolist()


@given(TRIPLES)
def test_the_same_triple_gives_the_same_bits_whatever_was_drawn_before(triple):
    first = bits(*triple)
    generator(1, "other").random(1000)
    np.random.seed(3)
    assert bits(*triple) == first


@given(TRIPLES, TRIPLES)
def test_another_triple_gives_other_bits(one, other):
    assert (bits(*one) == bits(*other)) == (one == other)


def test_digits_of_seed_index_and_purpose_cannot_be_confused():
    triples = [(1, "a", 12), (11, "a", 2), (1, "2:a", 1), (1, "a", 1), (-1, "a", 12), (1, "", 12)]
    assert len({tuple(bits(*triple)) for triple in triples}) == len(triples)


def test_another_process_draws_the_same_bits():
    code = "from lrd_core.seeds import generator; print(generator(7, 'data', 3).random(4).tolist())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(generator(7, "data", 3).random(4).tolist())


def test_streams_of_neighbouring_indices_are_uncorrelated():
    draws = np.stack([generator(0, "data", index).random(4000) for index in range(40)])
    off_diagonal = np.corrcoef(draws)[~np.eye(40, dtype=bool)]
    assert abs(draws.mean() - 0.5) < 4 * (1 / 12 / draws.size) ** 0.5
    assert np.abs(off_diagonal).max() < 5.5 / 4000**0.5
