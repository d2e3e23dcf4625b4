"""When each step of a solve ends, as shares of its limit.

Beside each other, where there are two cores and the city is large; otherwise one after the other:

    beside      first plan, better start (EARLY), search, plan put together anew, last rounds (LAST), supply; the proof
                from the better start until the end (PROVED, WRITTEN)
    in turn     search, supply, proof, plan put together anew, supply (IN_TURN); the search and the proof only where
                the limit is too short for more (ALONE, LONE)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.limits import Limits

SHORT = 15.0
"""Seconds of a limit below which nothing is begun anew."""
FEW, MANY = 2, 4
"""Layers in which the sites are filled: for the first plan, and where there is time for a better start."""
SOON = ((2.0, 2, 0), (5.0, 2, 1), (10.0, 2, 3))
"""Limits in seconds from which a plan to be had at once is made of so many layers and rounds; one layer below."""
LATE = 10.0
"""How many times the limit such rounds may take."""
EARLY = 0.25
"""Share of a limit within which the sites filled anew get their first rounds. The proof starts from there: Wuxi, 60 s,
where the first plan took 7 s, a share of 0.1 left no time for it, and the proof came to 405.5 instead of 406.5."""
PATIENCE = 20.0
"""Seconds of a limit from which the annealing cools down more slowly the more there are. Wuxi, 60 s: with 45 it had
cooled down after 34 s, to 412.4 thousand, with 20 after 47 s, when its time was up, to 411.9."""
ASSEMBLED = ((150.0, 0.45), (50.0, 0.35))
"""Seconds of a limit from which the plan is put together anew from whole teams, at prices that the proof has by then,
and the share for it. Wuxi, 60 s, staffing: 411,634 and 411,761 without, 411,543 with 0.25, 411,356 and 411,426 with
0.35, 411,617 with 0.4; with 0.45 the proof had no prices yet."""
SUPPLIED, LAST = (0.06, 5.0), 0.03
"""Supply begins this share of a limit, or these seconds if they are more, before the proof ends, and the search has
that share for its last rounds."""
PROVED, WRITTEN = 0.9, 15.0
"""Share of a limit after which the proof ends beside the search, or these seconds before it ends, if that is later."""
AGAIN = 60.0
"""Seconds that must be left for a second proof, from the plan in hand and what the first one found."""
ALONE, LONE = 0.5, 0.97
"""The ends of the search, and of the proof, of a large city on one core, one after the other."""
KNOWN = 18.0, 0.8
"""Limits in seconds below which a proof that begins from what is known of a city like this one comes to no more than
its first steps, which have the seconds they need whatever is left to them; the end of the search of such a city there.
Part of ten cities, 14 s on one core of a busy machine: with 0.5 gap 7.3 % after 19 s, as the search had hardly begun;
with 0.65 6.3 % after 21 s, with 0.8 3.5 % after 23 s. 20 s:
3.3 % with 0.5, 2.9 % with 0.8, 4 s later; 28 s: 2.6 % and 2.7 %.
"""
IN_TURN = 0.36, 0.68, 0.92
"""The same of the search, the proof and a plan put together anew after it, where the limit is long enough for that."""


@dataclass(frozen=True)
class Timetable:
    """The ends of the steps of one solve, as shares of the limit."""

    limits: Limits
    large: bool
    """does the proof take as long as the search?"""
    begun: bool
    """is there a plan in hand to start from?"""
    known: bool = False
    """is it known what a city like this one has proved?"""

    @property
    def apart(self) -> bool:
        """Is the city large enough, and is there a core, for work beside the search?"""
        return self.limits.processes > 1 and self.large

    @property
    def in_turn(self) -> bool:
        """Is the plan put together anew on one core, after the proof?"""
        long = ASSEMBLED[0][0] <= (self.limits.seconds or 0.0) < np.inf
        return self._one_by_one and long and not self.begun

    @property
    def _one_by_one(self) -> bool:
        return self.limits.prove and not self.apart and self.large

    @property
    def searched(self) -> float:
        """The end of the search: supply follows, and the proof where it does not run beside."""
        if self._one_by_one:
            least, share = KNOWN
            soon = self.known and (self.limits.seconds or np.inf) < least
            return IN_TURN[0] if self.in_turn else share if soon else ALONE
        share, seconds = SUPPLIED
        return max(0.7, self.ends - max(share, self._share(seconds)))

    @property
    def rounds(self) -> float:
        """The end of all but the last rounds of the search."""
        return self.searched - LAST

    @property
    def annealed(self) -> float:
        """The end of the annealing: what is left until the last rounds is for a plan put together anew."""
        return self.rounds - self._assembling

    @property
    def assembling(self) -> bool:
        """Is the plan put together anew beside the proof?"""
        return self._assembling > 0

    @property
    def _assembling(self) -> float:
        seconds = self.limits.seconds or 0.0
        return next((share for least, share in ASSEMBLED if self.apart and least <= seconds < np.inf), 0.0)

    @property
    def proved(self) -> float:
        """The end of the proof."""
        return self.ends if self.apart else IN_TURN[1] if self.in_turn else LONE

    @property
    def anew(self) -> tuple[float, float]:
        """The ends of a plan put together anew after the proof, without and with its last rosters."""
        return IN_TURN[2] - LAST, IN_TURN[2]

    @property
    def ends(self) -> float:
        """The end of supplying the plan, and of a proof beside it."""
        return max(PROVED, 1 - self._share(WRITTEN))

    def _share(self, seconds: float) -> float:
        """What share of the limit so many seconds are."""
        return seconds / max(self.limits.seconds or np.inf, 1e-9)

    @property
    def cooling(self) -> int:
        """Rounds of the annealing: in proportion to a long limit, as slower cooling ends lower."""
        seconds = self.limits.seconds or 0.0
        longer = max(1.0, seconds / PATIENCE) if np.isfinite(seconds) else 1.0
        return int(self.limits.rounds * longer)

    @property
    def soon(self) -> tuple[int, int]:
        """Layers and rounds of a plan that is to be had at once."""
        seconds = self.limits.seconds or np.inf
        asked = [(layers, min(rounds, self.limits.rounds)) for least, layers, rounds in SOON if seconds >= least]
        return asked[-1] if asked else (1, 0)
