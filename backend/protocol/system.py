"""What the server itself is doing."""

from __future__ import annotations

from pydantic import Field

from backend.protocol.base import Message


class System(Message):
    """The stream's own figures; rates are those of the last five seconds."""

    frames_per_s: float = Field(description="taken in from jobs")
    frame_bytes_per_s: float
    sent_per_s: float = Field(description="messages to viewers, all together")
    sent_bytes_per_s: float
    jobs: int = Field(description="experiments that train or wait to")
    viewers: int
    behind: int = Field(description="viewers that are being caught up from the store")
    falls: int = Field(description="how often one was so slow that it had to be, since the start")
    queued: int = Field(description="messages that wait for viewers")
    queued_bytes: int
    lag: int = Field(description="frames that the slowest viewer has not been sent yet")
    store_ms: float | None = Field(description="median from a frame's arrival to its commit")
    store_p99_ms: float | None
    fan_out_ms: float | None = Field(description="median time to hand news to all viewers")
    fan_out_p99_ms: float | None
    memory_mb: float = Field(description="resident memory of the server's process")
