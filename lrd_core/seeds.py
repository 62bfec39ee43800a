"""Random numbers as a pure function of (seed, purpose, index): no hidden state anywhere.

A caller that needs randomness names what it is for ("init", "data", …) and which piece it wants
(an epoch, a tensor). The same triple gives the same bits in every process, in any order of calls;
so a run can be resumed, forked and replayed, and two runs can share their data order exactly.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """A fresh generator at the beginning of the stream that (seed, purpose, index) names.

    It is Philox4x64-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy
    as 1, 2, 3", SC 2011), whose 128-bit key is the BLAKE2b hash of the triple; streams of different
    triples are independent for all practical purposes. What a method such as `permutation`
    makes of these bits is only fixed within one release of NumPy.

    Args:
        seed: any whole number, negative or larger than 64 bits too.
        purpose: what the numbers are for; distinct purposes never share bits.
        index: which piece, e.g. the epoch.
    """
    triple = f"{int(seed)}:{int(index)}:{purpose}".encode()
    digest = hashlib.blake2b(triple, digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype="<u8")))
