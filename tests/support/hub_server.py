"""A local stand-in for a model hub: repositories held in memory and served on 127.0.0.1 with the hub's API."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin")


class StandInHub:
    """Repositories by name, each with commits (40 hexadecimal digits) and branches that point to commits."""

    def __init__(self):
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}
        self.branches: dict[tuple[str, str], str] = {}
        self.exchanged: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.endpoint = ""
        self.lists = True

    def push(self, repository: str, files: Mapping[str, bytes], branch: str = "main") -> str:
        """Add a commit with these files, point the branch to it, and return it."""
        digest = hashlib.sha1(repository.encode())
        for name in sorted(files):
            digest.update(name.encode() + files[name])
        commit = digest.hexdigest()
        self.commits[repository, commit] = dict(files)
        self.branches[repository, branch] = commit
        return commit

    def resolve(self, repository: str, revision: str) -> str | None:
        commit = self.branches.get((repository, revision), revision)
        return commit if (repository, commit) in self.commits else None

    def has(self, repository: str) -> bool:
        return any(name == repository for name, _ in self.commits)


@contextmanager
def serve_hub() -> Iterator[StandInHub]:
    """Serve an empty hub on a free port until the block ends."""
    hub = StandInHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: StandInHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(body=True)

        def do_HEAD(self):
            self._answer(body=False)

        def _answer(self, body: bool) -> None:
            path, query = unquote(urlsplit(self.path).path), parse_qs(urlsplit(self.path).query)
            hub.requests.append(f"{self.command} {path}")
            parts = path.strip("/").split("/")
            if parts == ["api", "models"]:
                return self._send(200, json.dumps(self._find(query)).encode(), {}, body)
            if parts[:2] == ["api", "models"] and parts[4:] == ["refs"] and hub.lists:
                return self._send(200, json.dumps(self._refs("/".join(parts[2:4]))).encode(), {}, body)
            if parts[:2] == ["api", "models"] and len(parts) >= 4:
                return self._describe("/".join(parts[2:4]), parts[4:], body)
            if len(parts) > 4 and parts[2] == "resolve":
                return self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]), body)
            return self._send(404, b"", {}, body)

        def _find(self, query: Mapping[str, list[str]]) -> list[dict]:
            owner, search = (query.get(key, [""])[0] for key in ("author", "search"))
            names = sorted({name for name, _ in hub.commits})
            return [{"id": name} for name in names if hub.lists and name.startswith(f"{owner}/") and search in name]

        def _refs(self, repository: str) -> dict:
            branches = {branch: commit for (name, branch), commit in hub.branches.items() if name == repository}
            refs = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit} for name, commit in branches.items()
            ]
            return {"branches": refs, "converts": [], "tags": []}

        def _describe(self, repository: str, rest: list[str], body: bool) -> None:
            revision = "/".join(rest[1:]) if rest[:1] == ["revision"] else "main"
            commit = hub.resolve(repository, revision)
            if commit is None:
                return self._missing(repository, body)
            siblings = [_sibling(name, content) for name, content in sorted(hub.commits[repository, commit].items())]
            info = {
                "_id": "0",
                "id": repository,
                "modelId": repository,
                "sha": commit,
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": siblings,
            }
            return self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"}, body)

        def _file(self, repository: str, revision: str, name: str, body: bool) -> None:
            commit = hub.resolve(repository, revision)
            if commit is None:
                return self._missing(repository, body)
            files = hub.commits[repository, commit]
            if name not in files:
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, body)
            content = hub.exchanged.get(name, files[name])
            headers = {"X-Repo-Commit": commit, "ETag": f'"{_identity(name, files[name])}"', "Accept-Ranges": "bytes"}
            start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0]
            if int(start):
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                return self._send(206, content[int(start) :], headers, body)
            return self._send(200, content, headers, body)

        def _missing(self, repository: str, body: bool) -> None:
            code = "RevisionNotFound" if hub.has(repository) else "RepoNotFound"
            return self._send(404, b"{}", {"X-Error-Code": code}, body)

        def _send(self, status: int, content: bytes, headers: Mapping[str, str], body: bool) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            """Keep the test log quiet."""

    return Handler


def _sibling(name: str, content: bytes) -> dict:
    sibling = {"rfilename": name, "size": len(content), "blobId": _git(content)}
    if name.endswith(LARGE):
        sha256 = hashlib.sha256(content).hexdigest()
        sibling["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
    return sibling


def _identity(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if name.endswith(LARGE) else _git(content)


def _git(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
