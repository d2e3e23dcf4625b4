"""Who asks, and how often: bearer tokens, the run in force, limits on what costs work."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from flask import g, request

from allocator.service.problem import RefusedError
from allocator.store import CURRENT, Run, Store, Token
from allocator.store.runs import NAME
from allocator.store.tokens import hashed

Value = TypeVar("Value")
KEPT = 4096
MINUTE = 60.0
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="allocator"'}


class Fresh(Generic[Value]):
    """Answers of the database, asked again when they are older than `seconds`."""

    def __init__(self, seconds: float, ask: Callable[[str], Value | None]):
        self._seconds, self._ask = seconds, ask
        self._known: OrderedDict[str, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, ask_with: str | None = None) -> Value | None:
        """Return what is known of a key; what does not exist is not remembered."""
        with self._lock:
            known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = self._ask(ask_with if ask_with is not None else key)
        with self._lock:
            self._known.pop(key, None)
            if found is not None:
                self._known[key] = (time.monotonic() + self._seconds, found)
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
        return found


class Pace:
    """At most `per_minute` of something for each key, in a burst or spread; 0: no limit."""

    def __init__(self, per_minute: float):
        self._per_minute = per_minute
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: Hashable, cost: float = 1) -> float:
        """Take `cost` from the key's allowance; return the seconds to wait where too little is left."""
        if not self._per_minute:
            return 0
        now, per_second = time.monotonic(), self._per_minute / MINUTE
        with self._lock:
            left, then = self._left.pop(key, (self._per_minute, now))
            left = min(self._per_minute, left + (now - then) * per_second)
            short = 0.0 if left >= cost else (1 - left) / per_second
            self._left[key] = (left if short else left - cost, now)
            if len(self._left) > KEPT:
                self._left.popitem(last=False)
        return short


class Access:
    """The door of the service."""

    def __init__(self, store: Store, rate: float, failures: float, freshness: float):
        self._tokens: Fresh[Token] = Fresh(freshness, store.tokens.who)
        self._runs: Fresh[Run] = Fresh(freshness, store.runs.get)
        self._work, self._failures = Pace(rate), Pace(failures)

    def caller(self) -> Token:
        """Return whose token the request carries; wrong, revoked and missing ones are answered alike."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        found = self.who(secret.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            self.failed()
            raise RefusedError(401, "send the header 'Authorization: Bearer TOKEN'", headers=CHALLENGE)
        g.caller = found
        return found

    def who(self, secret: str) -> Token | None:
        """Return whose token a secret is, as of the last second."""
        return self._tokens.get(hashed(secret), secret) if secret.isascii() and secret else None

    def failed(self) -> None:
        """Count a failed sign-in of the caller's address; refuse more where there were too many."""
        _enforce(self._failures.wait(request.remote_addr), "too many failed sign-ins")

    def work(self, caller: Token) -> None:
        """Count a request that costs work; refuse it where there were too many."""
        _enforce(self._work.wait(caller.id), "too many requests with this token")

    def run(self, name: str) -> Run:
        """Return a published run, or the one in force, as of the last second."""
        found = self._runs.get(name) if name == CURRENT or NAME.fullmatch(name) else None
        if found is None:
            raise RefusedError(404, "no such run; GET /plans lists all of them")
        return found

    def current(self) -> Run | None:
        """Return the run in force."""
        return self._runs.get(CURRENT)


def _enforce(seconds: float, detail: str) -> None:
    if seconds:
        raise RefusedError(429, detail, headers={"Retry-After": str(int(seconds) + 1)})
