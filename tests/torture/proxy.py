"""The network between worker and backend: passes bytes on until it is told not to."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

#: Closing sends a reset at once.
ABRUPT = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on `port` and passes every connection on to `target`, both on the loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._flows = threading.Event()
        self._flows.set()
        self._cut = False
        self._lock = threading.Lock()
        #: The worker's and the backend's end of every connection.
        self._open: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self) -> None:
        """Pass everything on, what was held back first."""
        self._cut = False
        self._flows.set()

    def cut(self) -> None:
        """Reset every connection and let none be made."""
        self._cut = True
        self._reset()

    def stall(self) -> None:
        """Hold back every byte, in both directions; nobody is told."""
        self._flows.clear()

    def half_close(self) -> None:
        """End what the backend's side sends; the other direction goes on."""
        with self._lock:
            for _, far in self._open:
                with suppress(OSError):
                    far.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self._listener.close()
        self.cut()
        self._flows.set()

    def _reset(self) -> None:
        with self._lock:
            for one in (end for pair in self._open for end in pair):
                with suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
                    # A thread that waits in `recv` keeps the socket open: it has to wake up first.
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._cut:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
            self._flows.wait()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._flows.wait()
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
