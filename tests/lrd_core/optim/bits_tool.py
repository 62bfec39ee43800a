"""Statistics of mask bits, each brought to the scale of a standard normal score.

A statistic takes a mask source with the signature of `keep_mask_numpy` and returns scores that are
standard normal, to good approximation, when every bit is an independent draw with probability
`keep`. Chi-squares and maxima enter through their p-value, so that one bound serves all of them.
Chi-squares are two-sided: bits that are more even than chance are a fault too.

Seeds, steps and tensors are the first few integers. None was searched for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.stats import chi2, norm

Bits = NDArray[np.bool_]
Scores = NDArray[np.float64]
#: Seed, step, tensor.
Place = tuple[int, int, int]

#: Standard errors that a score may be away from 0.
BOUND = 4.0
LAGS = range(1, 65)
POWERS = [1 << k for k in range(21)]
#: Columns of a matrix.
WIDTH = 1024
#: Bits of a word.
WORD = 16


class MaskSource(Protocol):
    """Anything that draws masks as `keep_mask_numpy` does: bool array of shape (numel,)."""

    def __call__(self, seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits: ...


def places(count: int) -> list[Place]:
    """`count` places in which seed, step and tensor all vary."""
    return [(i // 25, 1 + i // 5 % 5, i % 5) for i in range(count)]


def worst(scores: Scores) -> float:
    """The largest distance from 0; not a number if any score is none, which no bound accepts."""
    return float(np.max(np.abs(scores)))


def keep_rate(source: MaskSource, keep: float) -> Scores:
    """10⁸ draws, as 100 masks of 10⁶: their keep rate, then the spread of the masks' rates."""
    numel = 1_000_000
    kept = np.array([np.count_nonzero(source(*at, numel, keep)) for at in places(100)])
    scores = (kept - numel * keep) / np.sqrt(numel * keep * (1 - keep))
    return np.array([scores.sum() / np.sqrt(kept.size), _chi_square(scores)])


def neighbours(source: MaskSource, keep: float) -> Scores:
    """Correlation of positions i and i + lag, lags 1 to 64, over 32 masks of 2²⁰.

    Then, here and below, the chi-square of the single masks' correlations: signs can't cancel.
    """
    return _lag_scores(source, keep, LAGS, places(32), 1 << 20)


def powers_added(source: MaskSource, keep: float) -> Scores:
    """Correlation of positions i and i + 2ᵏ, k from 0 to 20, over 8 masks of 2²²."""
    return _lag_scores(source, keep, POWERS, places(8), 1 << 22)


def bits_flipped(source: MaskSource, keep: float) -> Scores:
    """Correlation of position i and the one with bit k flipped, k from 0 to 20, 8 masks of 2²²."""
    scores = []
    for mask in (source(*place, 1 << 22, keep) for place in places(8)):
        halves = [mask.reshape(-1, 2, power) for power in POWERS]
        scores.append([_score(half[:, 0], half[:, 1]) for half in halves])
    return _over_masks(np.array(scores))


def far_apart(source: MaskSource, keep: float) -> Scores:
    """Correlation of positions i and i + 2²⁴, in each of 6 masks of 2²⁵."""
    far = 1 << 24
    masks = (source(*place, 2 * far, keep) for place in places(6))
    return np.array([_score(mask[:far], mask[far:]) for mask in masks])


def rows_apart(source: MaskSource, keep: float) -> Scores:
    """Correlation of rows 1 to 64 apart in a 1,024-wide matrix, over 16 of 1,024 rows."""
    return _lag_scores(source, keep, [WIDTH * lag for lag in LAGS], places(16), WIDTH**2)


def row_and_column_sums(source: MaskSource, keep: float) -> Scores:
    """Chi-squares of the row sums, then of the column sums, of 16 matrices of 1,024 × 1,024.

    Each sum is taken in units of its binomial standard deviation.
    """
    masks = np.stack([source(*place, WIDTH**2, keep) for place in places(16)])
    masks = masks.reshape(-1, WIDTH, WIDTH)
    spread = np.sqrt(WIDTH * keep * (1 - keep))
    scores = ((masks.sum(axis=axis) - WIDTH * keep) / spread for axis in (2, 1))
    return np.array([_chi_square(each) for each in scores])


def waves(source: MaskSource, keep: float) -> Scores:
    """The strongest of all 2¹⁹ Fourier components in each of 8 masks: stripes of any period.

    A component's power, over its mean, is exponentially distributed.
    """
    scores = []
    for place in places(8):
        x = _standardized(source(*place, 1 << 20, keep))
        power = np.abs(fft.rfft(x)[1:-1]) ** 2 / x.size
        scores.append(_upper_score(_any_of(power.size, np.exp(-power.max()))))
    return np.array(scores)


def parities(source: MaskSource, keep: float) -> Scores:
    """The strongest correlation with the parity of any set of position bits, in each of 8 masks."""
    masks = (_standardized(source(*place, 1 << 20, keep)) for place in places(8))
    return np.array([_strongest(_walsh(x)[1:] / np.sqrt(x.size)) for x in masks])


def shifted_copies(source: MaskSource, keep: float) -> Scores:
    """Is a mask the one of the next step, next tensor, next seed, or itself, shifted?

    The strongest correlation over all 2²⁰ distances, circular. Against itself a pair of positions
    comes at a distance and at its opposite, so half of them say it all.
    """
    first, *others = _next_to_first(source, keep)
    wave, root = fft.rfft(first), np.sqrt(first.size)
    others = [fft.irfft(wave * fft.rfft(other).conj()) / root for other in others]
    itself = fft.irfft(np.abs(wave) ** 2)[1 : first.size // 2] / root
    return np.array([_strongest(each) for each in (*others, itself)])


def flipped_copies(source: MaskSource, keep: float) -> Scores:
    """Is a mask the one of the next step, next tensor or next seed with position bits flipped?

    The strongest correlation over all 2²⁰ sets of bits.
    """
    first, *others = (_walsh(x) for x in _next_to_first(source, keep))
    scale = first.size**1.5
    return np.array([_strongest(_walsh(first * other) / scale) for other in others])


def _next_to_first(source: MaskSource, keep: float) -> list[Scores]:
    at = [(0, 1, 0), (0, 2, 0), (0, 1, 1), (1, 1, 0)]
    return [_standardized(source(*place, 1 << 20, keep)) for place in at]


def along(source: MaskSource, keep: float, axis: str) -> Scores:
    """Correlation of the same position in masks 1 to 64 steps, tensors or seeds apart.

    128 masks of 2²⁰ in a row; a lag's score takes all pairs of masks with that lag. Then the
    chi-square of the single pairs' correlations.
    """
    table = _pair_scores(source, keep, line(axis, 128), 1 << 20)
    pairs = [table.diagonal(lag) for lag in LAGS]
    pooled = [each.sum() / np.sqrt(each.size) for each in pairs]
    return np.array([*pooled, _chi_square(np.concatenate(pairs))])


def line(axis: str, count: int) -> list[Place]:
    """`count` places in a row along "step", "tensor" or "seed"."""
    return {
        "step": [(0, 1 + i, 0) for i in range(count)],
        "tensor": [(0, 1, i) for i in range(count)],
        "seed": [(i, 1, 0) for i in range(count)],
    }[axis]


def against_first(source: MaskSource, keep: float, at: Sequence[Place]) -> Scores:
    """Correlation of the first place's mask of 2²⁰ with each of the others'."""
    first, *others = (source(*place, 1 << 20, keep) for place in at)
    return np.array([_score(first, other) for other in others])


def all_pairs(source: MaskSource, keep: float, at: Sequence[Place]) -> Scores:
    """Masks of 2²⁰ at these places, every pair: the strongest correlation, then the chi-square."""
    table = _pair_scores(source, keep, at, 1 << 20)
    pairs = table[np.triu_indices(len(table), 1)]
    return np.array([_strongest(pairs), _chi_square(pairs)])


def words(source: MaskSource, axis: str) -> Scores:
    """Chi-square of 16-bit words at keep rate 0.5: are all 65,536 equally frequent?

    A word is 16 bits in a row along "position", "row" (of a 1,024-wide matrix), "step", "tensor"
    or "seed". 6,250,000 words along positions, 4,194,304 otherwise.
    """
    counts = np.zeros(1 << WORD, dtype=np.int64)
    for bits in _bits_of_words(source, axis):
        # A word's bits are the last axis, so packing makes two bytes of each.
        found = np.packbits(bits, axis=-1).view(np.uint16)
        counts += np.bincount(found.ravel(), minlength=counts.size)
    expected = counts.sum() / counts.size
    return np.array([_chi_square((counts - expected) / np.sqrt(expected), counts.size - 1)])


def _bits_of_words(source: MaskSource, axis: str) -> Iterable[Bits]:
    if axis == "position":
        for place in places(100):
            yield source(*place, 1_000_000, 0.5).reshape(-1, WORD)
    elif axis == "row":
        for place in places(64):
            rows = source(*place, 1 << 20, 0.5).reshape(-1, WORD, WIDTH)
            yield np.ascontiguousarray(rows.swapaxes(1, 2))
    else:
        in_a_row = line(axis, 4 * WORD)
        for start in range(0, len(in_a_row), WORD):
            masks = [source(*at, 1 << 20, 0.5) for at in in_a_row[start : start + WORD]]
            yield np.stack(masks, axis=-1)


def levels(source: MaskSource) -> Scores:
    """Chi-square of the coordinates that each rise of the keep rate by 1/256 adds.

    A mask's threshold is compared with a number that must be uniform over its whole range.
    """
    added = np.zeros(256, dtype=np.int64)
    numel, at = 1 << 18, places(4)
    for place in at:
        masks = (source(*place, numel, level / 256) for level in range(257))
        added += [np.count_nonzero(less ^ more) for less, more in pairwise(masks)]
    expected = len(at) * numel / added.size
    return np.array([_chi_square((added - expected) / np.sqrt(expected), added.size - 1)])


def _score(a: Bits, b: Bits) -> float:
    """The correlation coefficient of two masks in standard errors, 1/√n."""
    counts = (int(np.count_nonzero(bits)) for bits in (a & b, a, b))
    return float(_phi(*counts, n=a.size))


def _phi(both: ArrayLike, a: ArrayLike, b: ArrayLike, *, n: int) -> Scores:
    """√n times the correlation of two 0/1 variables, from counts: of both, of a, of b, of all.

    Not a number where a mask is constant.
    """
    both, a, b = (np.asarray(count, dtype=np.float64) / n for count in (both, a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(n) * (both - a * b) / np.sqrt(a * (1 - a) * b * (1 - b)))


def _lag_scores(
    source: MaskSource, keep: float, lags: Sequence[int], at: Sequence[Place], numel: int
) -> Scores:
    masks = (source(*place, numel, keep) for place in at)
    return _over_masks(
        np.array([[_score(mask[:-lag], mask[lag:]) for lag in lags] for mask in masks])
    )


def _over_masks(scores: Scores) -> Scores:
    """Pools a matrix (masks × kinds) to one score a kind; last the chi-square of all of it."""
    pooled = scores.sum(axis=0) / np.sqrt(len(scores))
    return np.array([*pooled, _chi_square(scores)])


def _pair_scores(source: MaskSource, keep: float, at: Sequence[Place], numel: int) -> Scores:
    """Scores of the same position in the masks of two places: a matrix (places × places)."""
    packed = np.stack([np.packbits(source(*place, numel, keep)) for place in at]).view(np.uint64)
    both = np.array([np.bitwise_count(row & packed).sum(axis=1, dtype=np.int64) for row in packed])
    kept = both.diagonal()
    return _phi(both, kept[:, None], kept[None, :], n=numel)


def _standardized(mask: Bits) -> Scores:
    x = mask.astype(np.float64)
    x -= x.mean()
    return np.asarray(x / x.std())


def _walsh(x: Scores) -> Scores:
    """The Walsh–Hadamard transform, not normalised: Σᵢ xᵢ (−1)^popcount(i & j) for each j."""
    x, size, half = x.copy(), x.size, 1
    while half < size:
        pair = x.reshape(-1, 2, half)
        x = np.stack([pair[:, 0] + pair[:, 1], pair[:, 0] - pair[:, 1]], axis=1).ravel()
        half *= 2
    return x


def _chi_square(scores: Scores, freedom: int | None = None) -> float:
    """Sum of squared scores, as a score."""
    total, freedom = float(np.sum(np.square(scores))), freedom or scores.size
    if total > freedom:
        return _upper_score(chi2.sf(total, freedom))
    return -_upper_score(chi2.cdf(total, freedom))


def _strongest(scores: Scores) -> float:
    """The largest of many scores, as one score."""
    return _upper_score(_any_of(scores.size, 2 * norm.sf(worst(scores))))


def _any_of(count: int, p: float) -> float:
    """The chance that at least one of `count` events of probability p happens."""
    return float(-np.expm1(count * np.log1p(-min(p, 1 - 1e-16))))


def _upper_score(p: float) -> float:
    """The score that chance exceeds with probability p; infinite where p underflows."""
    return float(norm.isf(p))
