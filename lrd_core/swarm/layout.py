"""What a swarm's kernel is given, and how the numbers of its starts lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lrd_core.optim.kernels.program import Program

AXES = ("x", "y")
#: Starts that lie together: their numbers fit the first-level cache for all steps.
BLOCK = 256

#: How a policy chooses: by a coin a coordinate, by one a start, or as the policy of that name.
Choice = Literal["coordinate", "start", "gradient_noise", "cautious", "momentum_aligned"]

#: The header, int64.
HEADER = (
    "work",  # the first block
    "blocks",
    "first",  # number of the first block's first start
    "steps",
    "constants",  # (steps, constants), F
    "keys",  # (steps, 2), uint32: low and high half of the masks' keys
    "noise_keys",  # the same for the noise
    "last",  # a coordinate is kept where hash | none <= last
    "none",
    "spread",  # how far apart the positions of two starts are: 2, or 0 if all share their coins
    "numbers",  # `NUMBERS`, F
    "watch",  # 1: look whether a minimum is reached
    "stop",  # 1: leave a block whose starts have all reached one
)
#: factor: of kept updates or gradients; rest: of the updates that are left out; sigma: the noise's
#: deviation by the gradient's root mean square; near: squared distance that counts as reached;
#: whole: 1 if nothing is left out.
#: cosine, sine, pivot_x, pivot_y: how the surface is turned.
TURN = ("cosine", "sine", "pivot_x", "pivot_y")
NUMBERS = ("factor", "rest", "sigma", "near", "whole", *TURN)


@dataclass(frozen=True, slots=True)
class Variant:
    """Which code a swarm needs beside surface and program.

    Attributes:
        bits: 32 or 64, the floats' width.
        choice: how the policy chooses.
        mode: what is left out.
        scaled: what is kept has a factor.
        rest: what is left out has a factor.
        turned: the surface is turned; by how much are numbers, so that one code serves every angle.
    """

    bits: Literal[32, 64]
    choice: Choice
    mode: Literal["update", "gradient"]
    scaled: bool = False
    rest: bool = False
    turned: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of a block: each holds one number of `BLOCK` starts.

    Attributes:
        rows: all names in order: ``x``, ``y``, states by axis, ``at``, ``which``, noise.
    """

    rows: tuple[str, ...]

    def __getitem__(self, name: str) -> int:
        return self.rows.index(name)


def layout(program: Program, variant: Variant) -> Layout:
    """The rows that a kernel works on.

    ``at`` is the step at which a minimum was reached (infinity: never), ``which`` its number.
    """
    states = [f"state_{state}_{axis}" for state in program.states for axis in AXES]
    noise = ["noise_x", "noise_y"] if variant.choice == "gradient_noise" else []
    return Layout(("x", "y", *states, "at", "which", *noise))
