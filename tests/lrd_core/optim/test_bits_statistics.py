"""The mask bits as random numbers: fixed seeds, and bounds that theory gives.

Every score is standard normal for truly random bits and must stay within 4 standard errors. There
are about 1,000 of them, so truly random bits would fail some test here for one set of seeds in 15;
the seeds are 0, 1, 2, …, not searched for, so the outcome is always the same. The second half feeds
every statistic a source that is wrong on purpose, which must exceed the same bound.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lrd_core.optim.random_bits import keep_mask, keep_mask_numpy
from tests.lrd_core.optim import bad_bits as bad
from tests.lrd_core.optim import bits_tool as bits
from tests.lrd_core.optim.bits_tool import BOUND, MaskSource, Place, Scores, worst

Statistic = Callable[[MaskSource, float], Scores]

RATES = [0.001, 0.1, 0.5, 0.9, 0.999]
#: An even rate, where the mask is the hash's highest bit, and one where it depends on all bits.
TWO_RATES = [0.5, 0.1]
AXES = ["step", "tensor", "seed"]

PLACES: dict[str, list[Place]] = {
    "seeds 2ᵏ": [(0, 1, 0)] + [(1 << k, 1, 0) for k in range(64)],
    "steps 2ᵏ": [(0, 1 << k, 0) for k in range(40)],
    "tensors 2ᵏ": [(0, 1, 0)] + [(0, 1, 1 << k) for k in range(20)],
    "a cube": [
        (seed, step, tensor) for seed in range(4) for step in range(1, 5) for tensor in range(4)
    ],
}


def seeds_one_bit_apart(seed: int) -> list[Place]:
    return [(seed, 1, 0)] + [(seed ^ 1 << bit, 1, 0) for bit in range(64)]


@pytest.mark.parametrize("keep", RATES)
def test_keep_rate_over_a_hundred_million_draws(keep: float) -> None:
    assert worst(bits.keep_rate(keep_mask_numpy, keep)) < BOUND


def test_every_rate_between() -> None:
    assert worst(bits.levels(keep_mask_numpy)) < BOUND


@pytest.mark.parametrize("keep", TWO_RATES)
def test_neighbours_are_uncorrelated(keep: float) -> None:
    assert worst(bits.neighbours(keep_mask_numpy, keep)) < BOUND


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keep", TWO_RATES)
def test_steps_tensors_and_seeds_are_uncorrelated(keep: float, axis: str) -> None:
    assert worst(bits.along(keep_mask_numpy, keep, axis)) < BOUND


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("keep", TWO_RATES)
def test_seeds_that_differ_in_one_bit_are_uncorrelated(keep: float, seed: int) -> None:
    at = seeds_one_bit_apart(seed)
    assert worst(bits.against_first(keep_mask_numpy, keep, at)) < BOUND


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("keep", TWO_RATES)
def test_no_two_places_are_correlated(keep: float, where: str) -> None:
    assert worst(bits.all_pairs(keep_mask_numpy, keep, PLACES[where])) < BOUND


@pytest.mark.parametrize("statistic", [bits.powers_added, bits.bits_flipped])
@pytest.mark.parametrize("keep", TWO_RATES)
def test_positions_a_power_of_two_apart_are_uncorrelated(keep: float, statistic: Statistic) -> None:
    assert worst(statistic(keep_mask_numpy, keep)) < BOUND


@pytest.mark.parametrize("keep", TWO_RATES)
def test_positions_2_to_the_24_apart_are_uncorrelated(keep: float) -> None:
    """They have keys of their own; under one key they would be correlated by up to 0.001."""
    assert worst(bits.far_apart(keep_mask_numpy, keep)) < BOUND


@pytest.mark.parametrize("statistic", [bits.rows_apart, bits.row_and_column_sums])
@pytest.mark.parametrize("keep", TWO_RATES)
def test_rows_and_columns_of_a_matrix_are_independent(keep: float, statistic: Statistic) -> None:
    assert worst(statistic(keep_mask_numpy, keep)) < BOUND


@pytest.mark.parametrize("statistic", [bits.waves, bits.parities])
@pytest.mark.parametrize("keep", TWO_RATES)
def test_no_stripes_or_blocks(keep: float, statistic: Statistic) -> None:
    assert worst(statistic(keep_mask_numpy, keep)) < BOUND


@pytest.mark.parametrize("statistic", [bits.shifted_copies, bits.flipped_copies])
@pytest.mark.parametrize("keep", TWO_RATES)
def test_no_mask_is_another_one_moved(keep: float, statistic: Statistic) -> None:
    assert worst(statistic(keep_mask_numpy, keep)) < BOUND


@pytest.mark.parametrize("axis", ["position", "row", *AXES])
def test_words_of_16_bits_are_equally_frequent(axis: str) -> None:
    assert worst(bits.words(keep_mask_numpy, axis)) < BOUND


def test_the_optimizer_draws_the_bits_tested_here() -> None:
    for seed, step, tensor in bits.places(8):
        drawn = keep_mask(seed, step, tensor, 1_000_000, 0.1).numpy()
        assert (drawn == keep_mask_numpy(seed, step, tensor, 1_000_000, 0.1)).all()


# What follows: every statistic can fail.


def refused(scores: Scores) -> bool:
    """Beyond the bound by a number, so not because a mask was constant."""
    return worst(scores) > BOUND


@pytest.mark.parametrize("keep", RATES)
def test_keep_rate_refuses_a_signed_comparison(keep: float) -> None:
    assert refused(bits.keep_rate(bad.signed_comparison, keep)[:1])


@pytest.mark.parametrize("keep", [0.001, 0.1, 0.9, 0.999])
def test_keep_rate_refuses_a_coarse_threshold(keep: float) -> None:
    assert refused(bits.keep_rate(bad.seven_bits, keep)[:1])


def test_keep_rate_refuses_bits_more_even_than_chance() -> None:
    rate, spread = bits.keep_rate(bad.weyl, 0.5)
    assert abs(rate) < BOUND
    assert spread < -BOUND


def test_levels_refuse_a_coarse_threshold() -> None:
    assert refused(bits.levels(bad.seven_bits))


@pytest.mark.parametrize("axis", AXES)
def test_steps_tensors_and_seeds_refuse_memory(axis: str) -> None:
    assert refused(bits.along(bad.with_memory(axis), 0.5, axis)[:1])


def test_one_bit_seeds_refuse_a_seed_of_32_bits() -> None:
    scores = bits.against_first(bad.seed_of_32_bits, 0.5, seeds_one_bit_apart(0))
    assert worst(scores[:32]) < BOUND
    assert (scores[32:] > BOUND).all()


def test_pairs_refuse_places_that_share_a_mask() -> None:
    grid = PLACES["a cube"]
    strongest, total = bits.all_pairs(bad.sum_of_seed_and_step, 0.5, grid)
    assert strongest > BOUND
    assert total > BOUND


@pytest.mark.parametrize(
    ("statistic", "source"),
    [
        (bits.neighbours, bad.with_memory("position")),
        (bits.neighbours, bad.lcg_low_bits),
        (bits.powers_added, bad.keyed_lowbias32),
        (bits.bits_flipped, bad.without_third_product),
        (bits.rows_apart, bad.without_third_product),
        (bits.waves, bad.weyl),
        (bits.parities, bad.xorshift32),
        (bits.shifted_copies, bad.step_added_to_position),
        (bits.flipped_copies, bad.step_flips_position),
    ],
)
def test_patterns_of_positions_refuse(statistic: Statistic, source: MaskSource) -> None:
    assert refused(statistic(source, 0.5))


def test_far_positions_refuse_a_hash_cut_short() -> None:
    assert refused(bits.far_apart(bad.without_third_product, 0.5))


def test_shifts_refuse_a_mask_that_repeats_itself() -> None:
    # Its low 16 bits return after 65,536 positions.
    assert bits.shifted_copies(bad.lcg_low_bits, 0.5)[-1] > BOUND


def test_sums_refuse_rows_and_columns_in_step() -> None:
    rows, columns = bits.row_and_column_sums(bad.rows_in_step, 0.5)
    assert rows > BOUND > abs(columns)
    rows, columns = bits.row_and_column_sums(bad.columns_in_step, 0.5)
    assert columns > BOUND > abs(rows)


@pytest.mark.parametrize("axis", ["position", "row", *AXES])
def test_words_refuse_a_hidden_parity(axis: str) -> None:
    assert refused(bits.words(bad.with_parity(axis), axis))


def test_words_refuse_bits_more_even_than_chance() -> None:
    assert refused(bits.words(bad.lcg_low_bits, "position"))
