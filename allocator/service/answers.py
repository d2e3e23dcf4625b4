"""Answers ready to be sent: bytes, compressed, with a tag; those of published runs are kept."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from flask import Response, request

SMALLEST = 500
"""Bytes below which compressing is not worth it."""
COMPRESSED = ("application/json", "text/csv", "text/calendar", "text/html")
HARDENED = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
ALWAYS = (
    ("Cache-Control", "private, no-cache"),
    ("Vary", "Accept, Accept-Encoding, Authorization"),
    *HARDENED,
)


def _version() -> str:
    try:
        return version("allocator")
    except PackageNotFoundError:
        return "source"


VERSION = _version()


@dataclass(frozen=True)
class Answer:
    """A body with its media type and tag; `headers` are those beside."""

    body: bytes
    media: str
    tag: str
    headers: Mapping[str, str] = field(default_factory=dict)
    squeezed: bytes = b""
    """The body in gzip; empty where that is not worth it."""

    @property
    def size(self) -> int:
        return len(self.body) + len(self.squeezed)

    def response(self, fresh: bool = False) -> Response:
        """Return what this request gets of it: all, all in gzip, or (not `fresh`) that nothing has changed."""
        if not fresh and matches(self.tag):
            return unchanged(self.tag)
        packed = bool(self.squeezed) and accepts_gzip()
        headers = [("Content-Type", self.media), *self.headers.items(), *_tagged(self.tag)]
        if packed:
            headers.append(("Content-Encoding", "gzip"))
        return Response(self.squeezed if packed else self.body, headers=headers)


def answer(body: bytes, media: str, tag: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer, compressed once for all who ask."""
    worth = len(body) >= SMALLEST and media.split(";")[0] in COMPRESSED
    return Answer(body, media, tag, headers or {}, gzip.compress(body, 6, mtime=0) if worth else b"")


def tag_of(*facts: object) -> str:
    """Return the tag of an answer that these facts decide: no need to make it to know it."""
    return hashlib.sha256(repr((VERSION, *facts)).encode()).hexdigest()[:32]


def matches(tag: str) -> bool:
    """Tell whether the caller has this answer already."""
    given = request.environ.get("HTTP_IF_NONE_MATCH")
    if not given:
        return False
    if given == f'W/"{tag}"':
        return True
    found = request.if_none_match
    return found.star_tag or found.contains_weak(tag)


def unchanged(tag: str) -> Response:
    return Response(status=304, headers=_tagged(tag))


def _tagged(tag: str) -> list[tuple[str, str]]:
    """A weak tag: the same rows, however they are packed."""
    return [("ETag", f'W/"{tag}"'), *ALWAYS]


def accepts_gzip() -> bool:
    given = request.environ.get("HTTP_ACCEPT_ENCODING", "")
    return given == "gzip" or request.accept_encodings["gzip"] > 0


class Shelf:
    """Answers kept up to so many bytes; the one unused for longest goes first."""

    def __init__(self, size: int):
        self._size, self._used = size, 0
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Answer | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, made: Answer) -> None:
        if made.size > self._size // 4:
            return
        with self._lock:
            if key in self._kept:
                self._used -= self._kept.pop(key).size
            self._kept[key] = made
            self._used += made.size
            while self._used > self._size:
                self._used -= self._kept.popitem(last=False)[1].size
