"""Programs that train without torch's compiler do not import it either."""

from __future__ import annotations

import sys

import torch

#: Where torch keeps what it calls instead of a method that its compiler is to leave alone
#: (`torch._compile._disable_dynamo`).
_MARK = "__dynamo_disable"


def without_compiler() -> None:
    """Call `torch.optim.Optimizer`'s methods as they are, in a process that compiles none of them.

    torch imports its compiler at an optimizer's first use, only to keep it away from four methods:
    more than a second, and some 100 MB. Without effect where that has happened already, or where
    torch marks its methods in another way.
    """
    if "torch._dynamo" in sys.modules:
        return
    for method in vars(torch.optim.Optimizer).values():
        inner = getattr(method, "__wrapped__", None)
        if getattr(method, "__code__", None) and method.__globals__["__name__"] == "torch._compile":
            setattr(inner, _MARK, inner)
