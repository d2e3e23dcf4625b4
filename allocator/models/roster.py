"""Rosters of large teams: who works which shift type on which day, with a proof.

Sets: people p, days d, shift types t. Data: `Team`. Decisions: one whole schedule per person.
Objective (minimised): unmet on-requests + violated off-requests + under- and over-cover, weighted.
Rules, all kept by every schedule: one shift a day; types that may not follow one another; shifts
per type at most; minutes at least and at most; runs of work and of days off; weekends; fixed days
off. Runs that touch an end of the horizon need not reach their minimum.

Column generation over whole schedules: `schedules` prices them, `master` holds the LP, whose bound
`branching` raises, `dives` and `neighbours` make rosters of it. With several processes one proves,
the others seek; each has its own copy of the root's LP. `spans` does horizons too long for that.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import numpy as np

from allocator.certificate import Certificate, Status
from allocator.limits import Watch
from allocator.models import greedy, search, spans
from allocator.models.hub import Hub
from allocator.models.master import Master
from allocator.models.schedules import Pricer
from allocator.models.search import KEPT
from allocator.models.team import Team

Job = tuple[Iterator[None], Iterator[None] | None]
"""Seeking and, where a process has that to do, proving."""
STAGE, SOLVER = "roster", "glop, highs"
ROOT = 0.6
"""Share of the time that the root may take."""
FIRST = 0.3
"""Share of the time after which those without a schedule of a long horizon get a plain one."""
HEARD = 2.0
"""Seconds between two lines of news from the root."""


@dataclass(frozen=True)
class Roster:
    """Shift types by (people, days), -1 for a day off; None where someone has no schedule at all."""

    shifts: np.ndarray | None
    certificate: Certificate
    stuck: tuple[int, ...] = ()
    """People whose limits allow no schedule."""


def solve(team: Team, watch: Watch) -> Roster:
    """The best roster found within the limits, and what is proved about it."""
    rng = np.random.default_rng(watch.limits.seed)
    return _long(team, watch, rng) if spans.long(team) else _whole(team, watch, rng)


def _whole(team: Team, watch: Watch, rng: np.random.Generator) -> Roster:
    """Over schedules of the whole horizon."""
    pricer = Pricer(team)
    first = greedy.build(team, pricer, rng)
    if first is None:
        return _stuck(team, pricer, watch)
    hub = _hub(team, first, watch)
    hub.offer(greedy.polish(team, pricer, first, rng))
    watch.tell(STAGE, hub.value, None, "first roster")
    master = Master(team, pricer)
    master.add(np.arange(len(hub.roster)), hub.roster)
    root = _root(master, hub, watch)
    if hub.going and not watch.stopped:
        master.keep(KEPT)
        master.solve()

        def job(here: Hub, seed: int, role: str) -> Job:
            proving = None if role == "seek" else search.prove(master.copy(), here, root)
            return search.seek(master, here, np.random.default_rng(seed), seed % 2), proving

        _share_out(job, hub, watch)
    return Roster(hub.roster, _certificate(hub, watch))


def _long(team: Team, watch: Watch, rng: np.random.Generator) -> Roster:
    """Window by window."""
    first = spans.build(team, rng, lambda: watch.left(FIRST) > 0)
    if first is None:
        return Roster(None, Certificate(STAGE, Status.UNKNOWN, None, None, round(watch.seconds, 3), SOLVER))
    hub = _hub(team, first, watch)
    watch.tell(STAGE, hub.value, None, "first roster")

    def job(here: Hub, seed: int, role: str) -> Job:
        proving = None if role == "seek" else spans.prove(team, here, lambda: here.left > 0)
        return spans.seek(team, here, np.random.default_rng(seed)), proving

    if hub.going:
        _share_out(job, hub, watch)
    return Roster(hub.roster, _certificate(hub, watch))


def _hub(team: Team, roster: np.ndarray, watch: Watch) -> Hub:
    return Hub(team, roster, team.floor, deadline=time.monotonic() + watch.left())


def _root(master: Master, hub: Hub, watch: Watch) -> float:
    """Solve the root's LP; its bound without `base`."""
    team, heard = master.team, time.monotonic()

    def more(value: float, bound: float) -> bool:
        nonlocal heard
        hub.bound = max(hub.bound, min(hub.value, team.bound(team.base + bound)))
        if time.monotonic() > heard + HEARD:
            heard = time.monotonic()
            watch.tell(STAGE, hub.value, hub.bound, f"linear value {team.base + value:.1f}")
        return watch.left(ROOT) > 0

    _, bound = master.converge(cutoff=hub.value - team.base, more=more)
    hub.bound = max(hub.bound, min(hub.value, team.bound(team.base + bound)))
    found = master.roster() if master.point is not None else None
    if found is not None:
        hub.offer(found)
    watch.tell(STAGE, hub.value, hub.bound, "root")
    return bound


def _share_out(job: Callable[[Hub, int, str], Job], hub: Hub, watch: Watch) -> None:
    """Seek and prove, in processes of their own where there may be several."""
    seed, processes = watch.limits.seed, watch.limits.processes
    if processes == 1 or "fork" not in multiprocessing.get_all_start_methods():

        def send(kind: str, what: object) -> None:
            watch.tell(STAGE, hub.value, hub.bound)

        def listen() -> None:
            if watch.stopped:
                hub.deadline = -np.inf

        hub.send = send
        search.work(hub, *job(hub, seed, "both"), True, listen)
        return
    roles = ["prove"] + ["seek"] * (processes - 1)
    crew = [_start(job, hub, seed + k, role) for k, role in enumerate(roles)]
    _hear(dict(crew), hub, watch)
    for _, process in crew:
        process.terminate()
        process.join()


def _start(
    job: Callable[[Hub, int, str], Job], hub: Hub, seed: int, role: str
) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, job, hub, seed, role), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _run(pipe: Connection, job: Callable[[Hub, int, str], Job], hub: Hub, seed: int, role: str) -> None:
    """One process: work, tell what is found, hear what others found."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def listen() -> None:
        while pipe.poll():
            kind, what = pipe.recv()
            hub.hear(kind, what)

    hub.send = lambda kind, what: pipe.send((kind, what))
    search.work(hub, *job(hub, seed, role), False, listen)
    pipe.close()


def _hear(crew: dict[Connection, BaseProcess], hub: Hub, watch: Watch) -> None:
    """Pass on news among the processes until the time is up or roster and bound meet."""
    open_pipes = dict(crew)
    while open_pipes and hub.going and not watch.stopped:
        for pipe in wait(list(open_pipes), timeout=min(0.5, max(0.0, hub.left))):
            assert isinstance(pipe, Connection)
            try:
                kind, what = pipe.recv()
            except EOFError:
                del open_pipes[pipe]
                continue
            before = (hub.value, hub.bound)
            if kind == "roster":
                hub.offer(what)
            else:
                hub.raised(what)
            if before != (hub.value, hub.bound):
                watch.tell(STAGE, hub.value, hub.bound)
                for other in open_pipes:
                    if other is not pipe:
                        _tell(other, kind, what)


def _tell(pipe: Connection, kind: str, what: object) -> None:
    try:
        pipe.send((kind, what))
    except OSError:
        return


def _certificate(hub: Hub, watch: Watch) -> Certificate:
    status = Status.OPTIMAL if hub.closed else Status.FEASIBLE
    return Certificate(STAGE, status, float(hub.value), float(hub.bound), round(watch.seconds, 3), SOLVER)


def _stuck(team: Team, pricer: Pricer, watch: Watch) -> Roster:
    """Who has no schedule at all."""
    nothing = np.zeros(team.shape[:2])
    least = pricer.price(np.zeros(team.shape), nothing, np.full(len(nothing), np.inf)).least
    people = tuple(int(p) for p in np.flatnonzero(~np.isfinite(least)))
    certificate = Certificate(STAGE, Status.UNKNOWN, None, None, round(watch.seconds, 3), SOLVER)
    return Roster(None, certificate, people)
