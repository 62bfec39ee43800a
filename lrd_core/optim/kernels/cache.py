"""Generated modules live as files in the user's cache, where compilers can cache beside them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from types import ModuleType

#: Where to keep generated and compiled kernels instead of the user's cache directory.
VARIABLE = "LRD_KERNEL_CACHE"


@lru_cache(maxsize=1)
def folder() -> Path:
    """The cache directory, made if need be: private to the user, a temporary one if that fails."""
    given = os.environ.get(VARIABLE)
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        wanted = Path(given) if given else base / "lrd-lab" / "kernels"
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Code is loaded from here: where another user can write is not trusted.
        about = wanted.stat()
        foreign = hasattr(os, "getuid") and about.st_uid not in (os.getuid(), 0)
        if foreign or (os.name == "posix" and about.st_mode & stat.S_IWOTH):
            raise PermissionError(f"{wanted} is open to another user")
        with tempfile.TemporaryFile(dir=wanted):
            pass
    except (OSError, RuntimeError):
        # RuntimeError: there is no home directory.
        return Path(tempfile.mkdtemp(prefix="lrd-kernels-"))
    return wanted


def write_file(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_module(name: str, source: str) -> ModuleType:
    """Imports `source` as a module from a file that keeps its path and time while it is the same.

    Args:
        name: for people; letters, digits and underscores.
        source: the module's text.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    full = f"lrd_kernel_{name}_{digest}"
    if full in sys.modules:
        return sys.modules[full]
    path = folder() / f"{full}.py"
    if not path.exists() or path.read_text() != source:
        write_file(path, source.encode())
    spec = importlib.util.spec_from_file_location(full, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise
    return module
