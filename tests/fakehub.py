"""A hub on loopback: it lists and sends what it is given, counts every byte, and misbehaves on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from eigentail.sources.far import blocks, hub, reading, web

TOKEN = "hf_a_token_that_must_not_travel"
COMMIT = "c0ffee" + 34 * "0"


@dataclass
class Asked:
    """One request, and what was sent for it."""

    host: str
    path: str
    range: tuple[int, int] | None
    token: bool
    sent: int = 0


@dataclass
class FakeHub:
    """What the hub holds, how it misbehaves, and what it was asked.

    `fault` is called with each request for a file, and its number; it may send an answer itself and return True.
    """

    files: dict[str, bytes]
    repo: str = "org/name"
    revisions: tuple[str, ...] = ("main", "v1")
    private: bool = False
    gated: bool = False
    redirects: bool = False
    fault: Callable[[Handler, int], bool] = field(default=lambda handler, number: False)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    commit: str = COMMIT

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sent(self) -> int:
        """Bytes of files."""
        return sum(one.sent for one in self.asked)

    def of_files(self) -> list[Asked]:
        return [one for one in self.asked if "/api/" not in one.path and one.sent]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    hub: FakeHub
    one: Asked

    def log_message(self, *words: Any) -> None:
        return

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        wanted = self.headers.get("Range", "").removeprefix("bytes=").split("-")
        span = (int(wanted[0]), int(wanted[1])) if len(wanted) == 2 else None
        self.one = Asked(self.headers["Host"].split(":")[0], path, span, token)
        self.hub.asked.append(self.one)
        if path.startswith("/api/models/"):
            self._list(path)
        elif path.startswith("/storage/"):
            self._send(path.removeprefix("/storage/"))
        else:
            self._resolve(path)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send something; underscores in names of headers become hyphens."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _allowed(self, repo: str) -> bool:
        hub = self.hub
        if repo != hub.repo or (hub.private and not self.one.token):
            self.answer(404 if self.one.token else 401, X_Error_Code="RepoNotFound")
            return False
        return True

    def _list(self, path: str) -> None:
        parts = path.removeprefix("/api/models/").split("/")
        repo, revision = "/".join(parts[:2]), "/".join(parts[3:]) or "main"
        if self.hub.fault(self, len(self.hub.asked)) or not self._allowed(repo):
            return
        if revision not in (*self.hub.revisions, self.hub.commit):
            self.answer(404, X_Error_Code="RevisionNotFound")
            return
        if parts[2:3] == ["tree"]:
            files = self.hub.files.items()
            entries = [{"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in files]
            self.answer(200, json.dumps(entries).encode(), Content_Type="application/json")
            return
        siblings = [{"rfilename": name, "size": len(data), "blobId": "0"} for name, data in self.hub.files.items()]
        body = {"id": repo, "sha": self.hub.commit, "siblings": siblings}
        self.answer(200, json.dumps(body).encode(), Content_Type="application/json")

    def _resolve(self, path: str) -> None:
        repo, _, rest = path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        if self.hub.fault(self, len(self.hub.asked)) or not self._allowed(repo):
            return
        if self.hub.gated and not self.one.token:
            self.answer(401, X_Error_Code="GatedRepo")
        elif revision not in (*self.hub.revisions, self.hub.commit) or name not in self.hub.files:
            self.answer(404, X_Error_Code="EntryNotFound")
        elif self.hub.redirects:
            facts = {"X_Repo_Commit": self.hub.commit, "X_Linked_ETag": f'"{name}"'}
            where = f"http://localhost:{self.hub.port}/storage/{name}?X-Amz-Signature=abc"
            self.answer(302, Location=where, X_Linked_Size=str(len(self.hub.files[name])), **facts)
        else:
            self._send(name, X_Repo_Commit=self.hub.commit, ETag=f'"{name}"')

    def _send(self, name: str, **headers: str) -> None:
        """The range of a file that was asked for, or all of it."""
        data = self.hub.files[name]
        if self.one.range is None:
            self.one.sent += 0 if self.command == "HEAD" else len(data)
            self.answer(200, data, **headers)
            return
        start, end = self.one.range
        if start >= len(data):
            self.answer(416, Content_Range=f"bytes */{len(data)}")
            return
        piece = data[start : end + 1]
        self.one.sent += len(piece)
        self.answer(206, piece, Content_Range=f"bytes {start}-{start + len(piece) - 1}/{len(data)}", **headers)

    def send_short(self, *, announced: int, sent: int) -> None:
        """A part of what was asked for: with as much announced, or more, so that the connection is cut."""
        data = self.hub.files[urlsplit(self.path).path.rpartition("/")[2]]
        start = (self.one.range or (0, 0))[0]
        piece = data[start : start + sent]
        self.one.sent += len(piece)
        self.send_response(206)
        self.send_header("Content-Length", str(announced))
        self.send_header("Content-Range", f"bytes {start}-{start + announced - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(piece)
        self.wfile.flush()
        self.close_connection = True


def slow(seconds: float) -> Callable[[Handler, int], bool]:
    """A fault: every answer comes late."""

    def wait(handler: Handler, number: int) -> bool:
        time.sleep(seconds)
        return False

    return wait


def point_to(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """What HF_ENDPOINT would do before the client is imported."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


def no_one_else(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """An empty cache, no token, little patience, and no way to the real Hub."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(folder / "hf"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    point_to(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setattr(web, "PATIENCE", web.Patience(tries=3, first_wait=0.01, longest_wait=1.0))
    monkeypatch.setattr(blocks, "BLOCKS", blocks.Blocks(1 << 20))
    monkeypatch.setattr(reading, "BLOCKS", blocks.BLOCKS)
    monkeypatch.setattr(hub, "_STORES", {})
    disable_progress_bars()


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """The hub, answering until the end of the block."""
    handler = type("OfThisHub", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
