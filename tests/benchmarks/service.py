"""The service under load: publishing a run, and 50 clients that fetch a district's assignments.

    python tests/benchmarks/service.py RUN [--postgresql URL] [--rounds 5] [--seconds 2] [--clients 50] [--workers 2]

RUN is a verified plan folder. Two processes of one server (gunicorn) answer in turn, in one session: a
static file of the size of the answer, sent by the framework; the same bytes from a bare WSGI function, the
least any answer can cost; the assignments of a district; the same where the client has them already (304).
Every answer is checked: status, length and, for the rows, their digest.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STATIC = "ALLOCATOR_BENCH_STATIC"
HEAD = re.compile(rb"^HTTP/1\.1 (\d+)")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def served() -> Any:
    """The service, and beside it a folder of static files and a bare WSGI function."""
    sys.path.insert(0, str(ROOT))
    from api import create_app

    folder = Path(os.environ[STATIC])
    app = create_app({"log": False})
    app.static_folder = str(folder)
    app.add_url_rule("/file/<path:filename>", endpoint="file", view_func=app.send_static_file)
    body = (folder / "answer").read_bytes()
    inner = app.wsgi_app

    def wsgi(environ: dict[str, Any], start: Any) -> Any:
        if environ["PATH_INFO"] == "/bare":
            start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        return inner(environ, start)

    return wsgi


@dataclass(frozen=True)
class Load:
    """What the clients saw: seconds per answer, sorted."""

    waits: Sequence[float]
    seconds: float
    """Time that passed."""
    work: float
    """Processor seconds of the server."""

    def __add__(self, other: Load) -> Load:
        return Load(sorted((*self.waits, *other.waits)), self.seconds + other.seconds, self.work + other.work)

    def row(self, name: str, size: int) -> str:
        p50, p99 = (1000 * self.waits[int(q * (len(self.waits) - 1))] for q in (0.5, 0.99))
        rate, each = len(self.waits) / self.seconds, 1e6 * self.work / len(self.waits)
        return f"{name:<46}{size:>9,} B{rate:>9,.0f} /s{p50:>8.1f} ms{p99:>8.1f} ms{each:>8.0f} us"


NONE = Load((), 0, 0)


def worked(parent: int) -> float:
    """Processor seconds that the children of a process have used."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Client:
    """One connection that asks, reads, asks again."""

    def __init__(self, address: tuple[str, int], asked: bytes, status: int, digest: str | None):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked, self.status, self.digest = asked, status, digest
        self.checked = False
        self.ask()

    def ask(self) -> None:
        self.heard, self.whole = bytearray(), -1
        self.begun = time.perf_counter()
        self.socket.sendall(self.asked)

    def hear(self) -> float | None:
        """Seconds the answer took, once it is complete."""
        part = self.socket.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.heard += part
        if self.whole < 0 and (end := self.heard.find(b"\r\n\r\n")) >= 0:
            self._check_head(bytes(self.heard[:end]))
            length = LENGTH.search(self.heard, 0, end)
            self.whole = end + 4 + (int(length.group(1)) if length and self.status != 304 else 0)
        if self.whole < 0 or len(self.heard) < self.whole:
            return None
        waited = time.perf_counter() - self.begun
        self._check_body()
        return waited

    def _check_head(self, head: bytes) -> None:
        found = HEAD.match(head)
        if found is None or int(found.group(1)) != self.status:
            raise ValueError(f"expected {self.status}, got {head[:300]!r}")

    def _check_body(self) -> None:
        """The whole body of the first answer; the length of every one."""
        if len(self.heard) != self.whole:
            raise ValueError("more came than was announced")
        if not self.checked and self.digest is not None:
            body = bytes(self.heard).partition(b"\r\n\r\n")[2]
            if hashlib.sha256(body).hexdigest() != self.digest:
                raise ValueError("these are not the rows of the district")
        self.checked = True


def load(server: Server, asked: bytes, status: int, digest: str | None, clients: int, seconds: float) -> Load:
    """Let clients ask at once and again for some seconds, after half a second to warm up."""
    selector = selectors.DefaultSelector()
    all_clients = [Client(server.address, asked, status, digest) for _ in range(clients)]
    for client in all_clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    begun = time.perf_counter() + 0.5
    before, waits = worked(server.process), list[float]()
    warm = False
    while (now := time.perf_counter()) < begun + seconds:
        if not warm and now >= begun:
            warm, before, waits = True, worked(server.process), []
        for key, _ in selector.select(0.5):
            waited = key.data.hear()
            if waited is not None:
                waits.append(waited)
                key.data.ask()
    taken = time.perf_counter() - begun
    work = worked(server.process) - before
    for client in all_clients:
        client.socket.close()
    return Load(sorted(waits), taken, work)


def request(path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True)
class Server:
    address: tuple[str, int]
    process: int
    """Number of the process whose children answer."""


@contextmanager
def served_by(db: str, static: Path, workers: int) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--workers", str(workers), "--threads", "8", "--bind"]
    command += [f"127.0.0.1:{port}", "--chdir", str(Path(__file__).parent), "--log-level", "warning"]
    command += ["service:served()"]
    environment = os.environ | {"ALLOCATOR_DB": db, STATIC: str(static)}
    process = subprocess.Popen(command, env=environment)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(3)
        yield Server(("127.0.0.1", port), process.pid)
    finally:
        process.terminate()
        process.wait()


def publish(run: Path, db: str) -> float:
    """Seconds of the whole command."""
    begun = time.perf_counter()
    name = f"bench-{int(time.time())}"
    command = [sys.executable, "-m", "allocator", "publish", str(run), "--db", db, "--name", name]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def answers(db: str, token: str, path: str) -> tuple[bytes, str]:
    """The answer the clients will get, in gzip, and its tag."""
    from api import create_app

    found = create_app({"db": db, "log": False}).test_client().get(
        path, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    )
    assert found.status_code == 200, found.data
    return found.data, found.headers["ETag"]


def compare(db: str, given: argparse.Namespace, folder: Path) -> None:
    """Print the table of loads for one database."""
    from allocator.store import Store

    store = Store(db)
    run = store.runs.get()
    assert run is not None
    district = max(store.runs.districts(run.number), key=lambda d: store.runs.counts(run.number, d)["assignments"])
    _, token = store.tokens.create(district, "benchmark")
    path = f"/plans/current/assignments?district={district}" + (f"&limit={given.limit}" if given.limit else "")
    body, tag = answers(db, token, path)
    (folder / "answer").write_bytes(body)
    bearer = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    digest = hashlib.sha256(body).hexdigest()
    asks = {
        "bare WSGI function": (request("/bare", {}), 200, digest),
        "static file": (request("/file/answer", {}), 200, digest),
        path: (request(path, bearer), 200, digest),
        "the same, not modified (304)": (request(path, bearer | {"If-None-Match": tag}), 304, None),
    }
    loads = dict.fromkeys(asks, NONE)
    with served_by(db, folder, given.workers) as server:
        for _ in range(given.rounds):
            for name, (asked, status, expected) in asks.items():
                loads[name] += load(server, asked, status, expected, given.clients, given.seconds)
    print(f"{'':<46}{'body':>11}{'rate':>12}{'p50':>11}{'p99':>11}{'cpu':>11}")
    for name, found in loads.items():
        print(found.row(name, len(body) if asks[name][1] == 200 else 0), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--postgresql", metavar="URL")
    parser.add_argument("--rounds", type=int, default=5, help="every answer is asked for in every round")
    parser.add_argument("--seconds", type=float, default=2, help="of each answer in each round")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, help="rows in the answer [default: that of the service]")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as work:
        for db in filter(None, (f"sqlite:///{work}/bench.db", given.postgresql)):
            seconds = [publish(given.run, db) for _ in range(3)]
            print(f"{db.partition(':')[0]}: publish {', '.join(f'{s:.2f}' for s in seconds)} s, whole command")
            compare(db, given, Path(work))


if __name__ == "__main__":
    main()
