"""What a worker has to tell: kept until the backend says that it is stored."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from backend.jobs.spill import Spill, SpillError

#: Unacknowledged bytes in memory above which frames are spilled, or the loop waits.
LIMIT_BYTES = 64_000_000
#: Frames that may wait unpacked for the link, which packs them while training goes on.
MOST_UNPACKED = 8
#: Pictures that wait to be sent; older ones are worth nothing.
MOST_VIEWS = 64
#: Seconds after which a disk that had no room is tried again.
RETRY_S = 1.0


#: A frame's bytes, or what makes them.
Made = bytes | Callable[[], bytes]


class LinkGoneError(RuntimeError):
    """There has been no backend for too long; nothing more can be told."""


class LinkBrokenError(RuntimeError):
    """What is to be told next is lost, or refused for good: the record would have a gap."""


class Outbox:
    """Ordered messages from the training thread to the link; safe from any thread.

    The oldest frames that are not acknowledged are in memory, up to `limit` bytes, those after them
    in the spill. Where neither has room, the training thread waits.
    """

    def __init__(self, limit: int = LIMIT_BYTES, spill: Spill | None = None) -> None:
        self._limit = limit
        self._spill = spill
        #: The same as the condition's, without its calls of Python.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._frames: deque[Made] = deque()
        #: Of the packed ones.
        self._bytes = 0
        self._unpacked = 0
        #: Every frame up to this number is stored.
        self._acked = 0
        #: Answers by control, each with the number of the frame that it follows.
        self._applied: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._ready = ""
        self._status = ""
        #: What goes out next: texts, and numbers of frames.
        self._outgoing: deque[int | str] = deque()
        self._views: deque[str] = deque(maxlen=MOST_VIEWS)
        self._connected = True
        self._closed = False
        self._broken = ""
        self.seq = 0

    def begin(self, seq: int, limit: int = LIMIT_BYTES, spill: Spill | None = None) -> None:
        """The experiment is known: frames up to `seq` are stored."""
        with self._changed:
            self.seq = self._acked = seq
            self._limit = limit
            self._spill = spill

    def next_seq(self) -> int:
        """Number of the next frame. Only the training thread makes frames."""
        return self.seq + 1

    def put_frame(self, seq: int, made: Made) -> None:
        """Send a frame; waits while there is no room for it. The link packs what is not packed,
        if there is one and it keeps up.

        Raises:
            LinkGoneError: the link has given up.
            LinkBrokenError: see `break_off`.
        """
        with self._lock:
            while True:
                self.check()
                if self._closed:
                    raise LinkGoneError("no backend took the frames; training ends here")
                if self._keep(made):
                    break
                made = _packed(made)
                # Nobody tells when a full disk has room again.
                self._changed.wait(None if self._spill is None else RETRY_S)
            self.seq = seq
            self._send(seq)

    def _keep(self, made: Made) -> bool:
        if not self._spill and self._bytes < self._limit:
            later = self._connected and self._unpacked < MOST_UNPACKED
            self._add(made if later else _packed(made))
            return True
        return self._spill is not None and self._spill.put(_packed(made))

    def _add(self, made: Made) -> None:
        """The newest frame in memory."""
        self._frames.append(made)
        if isinstance(made, bytes):
            self._bytes += len(made)
        else:
            self._unpacked += 1

    def _oldest(self) -> None:
        """Let go of the oldest frame."""
        made = self._frames.popleft()
        if isinstance(made, bytes):
            self._bytes -= len(made)
        else:
            self._unpacked -= 1

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

    def put_view(self, text: str) -> None:
        """Send something that need not arrive: after all else, the newest ones if it is slow."""
        with self._changed:
            if self._connected:
                self._views.append(text)
                self._changed.notify_all()

    def _send(self, message: int | str) -> None:
        # Without a connection it is not queued: the next one begins with all that is kept.
        if self._connected:
            self._outgoing.append(message)
            self._changed.notify_all()

    def ack(self, seq: int) -> bool:
        """Every frame up to `seq` is stored; whether that was news."""
        with self._changed:
            before = self._acked
            while self._acked < min(seq, self.seq):
                if not self._frames:
                    self._load()
                self._oldest()
                self._acked += 1
            self._changed.notify_all()
            return self._acked > before

    def stored(self, control: str) -> None:
        """The answer to this control is stored."""
        with self._changed:
            self._applied.pop(control, None)
            self._changed.notify_all()

    def restart(self, seq: int) -> None:
        """A new connection, whose other end has every frame up to `seq`: send the rest again."""
        with self._changed:
            if seq < self._acked and not self._broken:
                self.break_off(
                    f"the store has lost rows that it had: frame {self._acked} was acknowledged, "
                    f"and its newest is {seq}"
                )
            self.ack(seq)
            self._connected = True
            self._outgoing = deque(text for text in self._again() if text)
            self._changed.notify_all()

    def _again(self) -> Iterator[int | str]:
        answers = deque(self._applied.values())
        for seq in () if self._broken else range(self._acked + 1, self.seq + 1):
            # In their order: what is recorded never follows a change that is not.
            while answers and answers[0][0] < seq:
                yield from answers.popleft()[1]
            yield seq
        yield self._ready
        for _, texts in answers:
            yield from texts
        yield self._status

    def lost(self) -> None:
        """The connection has ended."""
        with self._changed:
            self._connected = False
            self._views.clear()
            self._outgoing = deque([self._status] if self._status else [])

    def take(self, seconds: float) -> bytes | str | None:
        """The next message to send, a frame or a text; None if there was none for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._can_send() or self._views, seconds)
            if not self._can_send():
                return self._views.popleft() if self._views else None
            message = self._outgoing.popleft()
            self._changed.notify_all()  # `drain` may wait for just this one
            if isinstance(message, str):
                return message
            made = self._frame(message)
        if made is None or isinstance(made, bytes):
            return made
        try:
            return self._pack(message, made)
        except Exception as error:
            self.break_off(f"frame {message} cannot be packed: {type(error).__name__}: {error}")
            return None

    def pack(self) -> None:
        """Pack what is not packed yet; what that raises is raised."""
        with self._changed:
            left = [(self._acked + 1 + at, made) for at, made in enumerate(self._frames)]
        for seq, made in left:
            if not isinstance(made, bytes):
                self._pack(seq, made)

    def _pack(self, seq: int, made: Callable[[], bytes]) -> bytes:
        data = made()  # nobody waits for this: the lock is free
        with self._changed:
            at = seq - self._acked - 1
            if 0 <= at < len(self._frames) and self._frames[at] is made:
                self._frames[at] = data
                self._bytes += len(data)
                self._unpacked -= 1
        return data

    def _can_send(self) -> bool:
        if not self._connected or not self._outgoing:
            return False
        first = self._outgoing[0]
        # What is spilled comes back into memory to be sent.
        return isinstance(first, str) or first <= self._in_memory() or self._bytes < self._limit

    def _in_memory(self) -> int:
        """Number of the newest frame in memory."""
        return self._acked + len(self._frames)

    def _frame(self, seq: int) -> Made | None:
        if seq > self._in_memory():
            try:
                self._load()
            except SpillError as error:
                self.break_off(str(error))
                return None
        return self._frames[seq - self._acked - 1]

    def _load(self) -> None:
        """The oldest spilled frame comes into memory."""
        if self._spill is None:
            raise SpillError("nothing is spilled")
        self._add(self._spill.take())

    def break_off(self, words: str) -> None:
        """The record can't go on with what is here: frames are dropped, `check` says why."""
        with self._changed:
            self._broken = words
            self._frames.clear()
            self._bytes = self._unpacked = 0
            if self._spill is not None:
                self._spill.clear()
            self._applied.clear()
            self._outgoing = deque(text for text in self._outgoing if isinstance(text, str))
            self._acked = self.seq
            self._changed.notify_all()

    def check(self) -> None:
        """Raise LinkBrokenError if it was broken off."""
        if self._broken:
            raise LinkBrokenError(self._broken)

    def drain(self, seconds: float | None) -> bool:
        """Wait until all is sent and stored; False if that took longer (None: however long)."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._outgoing or self.unstored()) or self._closed,
                seconds,
            )

    def unstored(self) -> int:
        """Frames and answers that are not stored yet."""
        with self._changed:
            return self.seq - self._acked + len(self._applied)

    def left(self) -> str:
        """What is not stored yet, in words."""
        with self._changed:
            unsent, answers = len(self._outgoing), len(self._applied)
            frames = self.unstored() - answers
            return f"{unsent} messages unsent, {frames} frames and {answers} answers not stored"

    def close(self) -> None:
        """Nothing can be sent any more; whoever waits goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _packed(made: Made) -> bytes:
    return made if isinstance(made, bytes) else made()
