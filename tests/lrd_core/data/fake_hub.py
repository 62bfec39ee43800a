"""The part of the Hugging Face hub that downloads use, on a port of this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """Serves ``folder/REPO/FILE`` as the newest commit of every revision.

    Attributes:
        asked: every request: method and path.
        held, gate: files with `held` in their name leave only once `gate` is set.
    """

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    held: str = ""
    gate: threading.Event = field(default_factory=threading.Event)


@contextmanager
def fake_hub(folder: Path) -> Iterator[FakeHub]:
    """A hub for the length of a block."""
    hub = FakeHub(folder)
    hub.gate.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, body: bool) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            start, _, rest = self.path.partition("/resolve/")
            path = hub.folder / start.removeprefix("/datasets/") / rest.partition("/")[2]
            if not path.is_file():
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                if hub.held in path.name:
                    hub.gate.wait(60)
                self.wfile.write(data)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
