"""What the system lets a process have."""

from __future__ import annotations

from contextlib import suppress


def allow_connections() -> None:
    """As many open files, and so connections, as the system lets this process have; often it
    begins with 1024."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
