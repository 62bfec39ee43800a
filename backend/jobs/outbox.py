"""What a worker has to tell: kept until the backend says that it is stored."""

from __future__ import annotations

import threading
from collections import deque
from itertools import chain

#: Unacknowledged bytes above which the loop waits.
LIMIT_BYTES = 64 * 1024 * 1024


class LinkGoneError(RuntimeError):
    """There has been no backend for too long; nothing more can be told."""


class Outbox:
    """Ordered messages from the training thread to the link; safe from any thread."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._frames: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        #: Answers by control, each with the number of the frame that it follows.
        self._applied: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._ready = ""
        self._status = ""
        self._outgoing: deque[bytes | str] = deque()
        self._closed = False
        self.seq = 0

    def next_seq(self) -> int:
        """Number of the next frame. Only the training thread makes frames."""
        return self.seq + 1

    def put_frame(self, seq: int, data: bytes) -> None:
        """Send a frame; waits while too much is unacknowledged.

        Raises:
            LinkGoneError: the link has given up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._bytes < self._limit)
            if self._closed:
                raise LinkGoneError("no backend took the frames; training ends here")
            self.seq = seq
            self._frames.append((seq, data))
            self._bytes += len(data)
            self._send(data)

    def put_ready(self, text: str) -> None:
        with self._changed:
            self._ready = text
            self._send(text)

    def put_status(self, text: str) -> None:
        """Only the newest status is sent again after a reconnect."""
        with self._changed:
            self._status = text
            self._send(text)

    def put_applied(self, control: str, *texts: str) -> None:
        """Send the answer to a control, in one message or several; all of them are sent again
        after a reconnect until it is stored."""
        with self._changed:
            self._applied[control] = (self.seq, texts)
            for text in texts:
                self._send(text)

    def put_text(self, text: str) -> None:
        """Send something that need not be sent again."""
        with self._changed:
            self._send(text)

    def _send(self, message: bytes | str) -> None:
        self._outgoing.append(message)
        self._changed.notify_all()

    def ack(self, seq: int) -> bool:
        """Every frame up to `seq` is stored; whether that was news."""
        with self._changed:
            before = len(self._frames)
            while self._frames and self._frames[0][0] <= seq:
                self._bytes -= len(self._frames.popleft()[1])
            self._changed.notify_all()
            return len(self._frames) < before

    def stored(self, control: str) -> None:
        """The answer to this control is stored."""
        with self._changed:
            self._applied.pop(control, None)
            self._changed.notify_all()

    def restart(self, seq: int) -> None:
        """A new connection, whose other end has every frame up to `seq`: send the rest again."""
        self.ack(seq)
        with self._changed:
            outgoing: list[bytes | str] = []
            answers = deque(self._applied.values())
            for seq, data in self._frames:
                # In their order: what is recorded never follows a change that is not.
                while answers and answers[0][0] < seq:
                    outgoing += answers.popleft()[1]
                outgoing.append(data)
            texts = [self._ready, *chain.from_iterable(t for _, t in answers), self._status]
            self._outgoing = deque([*outgoing, *(text for text in texts if text)])
            self._changed.notify_all()

    def take(self, seconds: float) -> bytes | str | None:
        """The next message to send; None if there was none for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._outgoing, seconds)
            if not self._outgoing:
                return None
            message = self._outgoing.popleft()
            self._changed.notify_all()  # `drain` may wait for just this one
            return message

    def drain(self, seconds: float | None) -> bool:
        """Wait until all is sent and stored; False if that took longer (None: however long)."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._outgoing or self._frames or self._applied) or self._closed,
                seconds,
            )

    def left(self) -> str:
        """What is not stored yet, in words."""
        with self._changed:
            unsent, frames, answers = len(self._outgoing), len(self._frames), len(self._applied)
            return f"{unsent} messages unsent, {frames} frames and {answers} answers not stored"

    def close(self) -> None:
        """Nothing can be sent any more; whoever waits goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
