"""Neighbourhoods of a plan: members are taken off their sites and matched to places anew.

Each step looks at what every place offers exactly, next to the people who stayed; a step that turns out
worse is taken back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.matching import match
from allocator.models.reshuffle import ranks

__all__ = ["Search"]

GAINLESS = 1e-3
"""A gain below this is none: values of all cadres at all sites are single precision."""
BLOCK = 2_000_000
"""Pairs of cadre and site worked out at a time: a whole city of them is as large as the answer."""
LARGE = 8
"""Teams of this size or more give up, and may take in, more than one member at a time."""


class Search:
    """Neighbourhoods on a board."""

    def __init__(self, board: Board, seed: int):
        self.board = board
        self.inst: Instance = board.inst
        self.field: Field = board.field
        self.rng = np.random.default_rng(seed)
        self.rent = np.zeros(len(self.inst.sites))
        self.heavy = np.array([self._states(j) > 16 for j in range(len(self.inst.sites))], bool)

    def _states(self, j: int) -> int:
        k = self.field.site_pattern[j]
        return self.field.patterns[k].states if k >= 0 else 0

    # -- the start ---------------------------------------------------------------------------

    def label(self) -> None:
        """Deal the batches: named cadres first, then the open ones, the longest stay first."""
        inst, board = self.inst, self.board
        open_ = inst.last >= inst.first
        length = np.where(open_, inst.last - inst.first + 1, -1)
        left = inst.batch_size.copy()
        choices = open_.sum(1)
        for c in np.lexsort((np.arange(len(choices)), choices, inst.must < 0)):
            for b in np.argsort(-length[c], kind="stable"):
                if open_[c, b] and left[b] > 0:
                    board.batch[c] = b
                    left[b] -= 1
                    break

    def fill(self, rounds: int, watch: Watch, hear: Callable[[], None] | None = None) -> None:
        """Fill the sites a layer at a time; every round posts the most useful part of those at home."""
        self._musts()
        for k in range(rounds):
            idle = np.flatnonzero((self.board.site < 0) & (self.board.batch >= 0))
            if not len(idle) or watch.stopped:
                break
            self._layer(idle, 1 / (rounds - k))
            if hear is not None:
                hear()

    def _musts(self) -> None:
        board, inst = self.board, self.inst
        held = np.flatnonzero((inst.must >= 0) & (board.batch >= 0))
        board.post(held, board.batch[held], inst.must[held])
        for c in held:
            board.reroster(np.array([c]))

    def _layer(self, idle: np.ndarray, share: float) -> None:
        board = self.board
        marginal = board.worth.marginal(board.staffed).astype(np.float32)
        gains = self.field.slot_gains(marginal)
        net = self._net(idle, board.batch[idle], gains)
        room = np.maximum(1, self._wanted() // 72)
        found = match(net, room, rent=self.rent)
        chosen, self.rent = found.chosen, found.rent
        got = np.flatnonzero(chosen >= 0)
        if share < 1:
            take = max(1, int(len(idle) * share))
            got = got[np.argsort(-net[got, chosen[got]], kind="stable")[:take]]
        cadres, sites = idle[got], chosen[got]
        board.post(cadres, board.batch[cadres], sites)
        board.reroster(cadres)

    def _wanted(self) -> np.ndarray:
        """[J] required person-shifts still missing."""
        missing = np.maximum(0, self.inst.required - self.board.staffed).sum(1)
        return np.bincount(self.inst.post_site, missing, len(self.inst.sites)).astype(np.int64)

    # -- the neighbourhoods ------------------------------------------------------------------

    def _net(self, cadres: np.ndarray, batches: np.ndarray, gains: np.ndarray,
             sites: np.ndarray | None = None) -> np.ndarray:
        """[N, J or len(sites)] gain less cost; -inf out of reach."""
        inst = self.inst
        columns = np.arange(len(inst.sites)) if sites is None else sites
        shapes, inverse = np.unique(inst.shape[cadres, batches], return_inverse=True)
        values, inverse = self.field.values(gains, shapes, columns), inverse.reshape(-1)
        net = np.empty((len(cadres), len(columns)), values.dtype)
        length = inst.last[cadres, batches] - inst.first[cadres, batches] + 1
        step = max(1, BLOCK // max(1, len(columns)))
        for low in range(0, len(cadres), step):
            rows = slice(low, low + step)
            minutes = inst.minutes[np.ix_(cadres[rows], columns)]
            near = np.isfinite(minutes)
            travel = (inst.w_travel * np.where(near, minutes, 0) * length[rows, None]).astype(net.dtype)
            net[rows] = np.where(near, values[inverse[rows]] - travel, -np.inf)
        if inst.w_change:
            place = np.full(len(inst.sites), -1)
            place[columns] = np.arange(len(columns))
            stay = np.flatnonzero(inst.previous[cadres] >= 0)
            stay = stay[place[inst.previous[cadres[stay]]] >= 0]
            net[stay, place[inst.previous[cadres[stay]]]] += inst.w_change
        return net

    def _sample(self, share: float, sites: np.ndarray | None = None, single: bool = True) -> np.ndarray:
        """Random members of a random share of the sites: one each, or one in `LARGE` of a large team."""
        board = self.board
        posted = np.flatnonzero(board.site >= 0)
        if sites is not None:
            posted = posted[np.isin(board.site[posted], sites)]
        posted = self.rng.permutation(posted)
        size = np.bincount(board.site[posted], minlength=len(self.inst.sites))
        rank = ranks(board.site[posted])
        leaves = 1 if single else np.maximum(1, size // LARGE)[board.site[posted]]
        members = posted[rank < leaves]
        return np.sort(members[self.rng.random(len(members)) < share])

    def move(self, share: float = 1.0, heavy: int = 48) -> float:
        """Take one member off a share of the sites and match them, and those at home, to all sites.

        A site that gave one up can be filled again, the others can grow by one: either way what the
        newcomer gains there is exact. Large teams move several at a time.
        """
        board, inst = self.board, self.inst
        light = np.flatnonzero(~self.heavy)
        some = np.flatnonzero(self.heavy)
        some = self.rng.permutation(some)[:heavy]
        columns = np.sort(np.concatenate([light, some]))
        taken = self._sample(share, columns, single=False)
        idle = np.flatnonzero((board.site < 0) & (board.batch >= 0))
        cadres = np.concatenate([taken, idle])
        if not len(cadres):
            return 0.0
        before = _save(board)
        value = board.value()
        own = board.site[cadres].copy()
        board.lift(cadres)
        marginal = board.worth.marginal(board.staffed)
        gains = self.field.slot_gains(marginal.astype(np.float32))
        net = self._net(cadres, board.batch[cadres], gains, columns)
        keep = np.where(own >= 0, np.searchsorted(columns, np.maximum(own, 0)), -1)
        team = np.bincount(board.site[board.site >= 0], minlength=len(inst.sites))[columns]
        left = np.bincount(own[own >= 0], minlength=len(inst.sites))[columns]
        room = np.maximum(1, left + (team + left) // LARGE)
        found = match(net, room, keep, inst.must[cadres] >= 0, self.rent[columns])
        chosen = found.chosen
        self.rent[columns] = found.rent
        placed = np.flatnonzero(chosen >= 0)
        return self._settle(before, value, cadres[placed], board.batch[cadres[placed]], columns[chosen[placed]])

    def relocate(self) -> int:
        """Post single cadres elsewhere where that gains most, no two of them touching one site; how many.

        Each gain is exact: what the newcomer adds there less what the old place loses and the move costs.
        """
        board, inst = self.board, self.inst
        free = ((board.site >= 0) & (inst.must < 0)) | ((board.site < 0) & (board.batch >= 0))
        cadres = np.flatnonzero(free)
        marginal = board.worth.marginal(board.staffed)
        net = self._net(cadres, board.batch[cadres], self.field.slot_gains(marginal.astype(np.float32)))
        net -= (self._held() - board.costs())[cadres, None].astype(net.dtype)
        old = board.site[cadres]
        posted = np.flatnonzero(old >= 0)
        net[posted, old[posted]] = -np.inf
        row, site = np.nonzero(net > GAINLESS)
        touched, chosen = np.zeros(len(inst.sites) + 1, bool), []
        left = np.ones(len(cadres), bool)
        for k in np.argsort(-net[row, site], kind="stable"):
            r, j = row[k], site[k]
            if left[r] and not touched[j] and (old[r] < 0 or not touched[old[r]]):
                left[r], touched[j] = False, True
                touched[old[r]] = old[r] >= 0
                chosen.append(k)
        if chosen:
            before, value, moved = _save(board), board.value(), cadres[row[chosen]]
            board.lift(moved)
            if not self._settle(before, value, moved, board.batch[moved], site[chosen]):
                return 0
        return len(chosen)

    def _held(self) -> np.ndarray:
        """[C] benefit lost when a cadre leaves all shifts."""
        board = self.board
        step = board.worth.benefit(board.staffed) - board.worth.benefit(np.maximum(0, board.staffed - 1))
        c, day = np.nonzero(board.plan >= 0)
        return np.bincount(c, step[board.plan[c, day], day], len(board.site))

    def exchange(self, share: float = 1.0, most: int = 600, heavy: int = 48) -> float:
        """Take one member off each site and match them, and those without a batch, to the places left."""
        board, inst = self.board, self.inst
        busy = self.rng.permutation(np.flatnonzero(self.heavy))[:heavy]
        taken = self._sample(share, np.concatenate([np.flatnonzero(~self.heavy), busy]))
        if len(taken) > most:
            held = self.heavy[board.site[taken]]
            light = self.rng.permutation(taken[~held])[: max(0, most - int(held.sum()))]
            taken = np.sort(np.concatenate([taken[held], light]))
        spare = np.flatnonzero((board.batch < 0) & (inst.last >= inst.first).any(1))
        cadres = np.concatenate([taken, spare])
        if len(taken) < 1 or len(cadres) < 2:
            return 0.0
        before = _save(board)
        value = board.value()
        sites, batches = board.site[taken].copy(), board.batch[taken].copy()
        board.lift(taken)
        marginal = board.worth.marginal(board.staffed)
        gains = self.field.slot_gains(marginal.astype(np.float32))
        net = np.full((len(cadres), len(sites)), -np.inf, np.float32)
        for b in np.unique(batches):
            able = np.flatnonzero(inst.shape[cadres, b] >= 0)
            places = np.flatnonzero(batches == b)
            if len(able):
                net[np.ix_(able, places)] = self._net(
                    cadres[able], np.full(len(able), b), gains, sites[places]
                )
        own = np.concatenate([np.arange(len(taken)), np.full(len(spare), -1)])
        chosen = match(net, np.ones(len(sites), np.int64), own, inst.must[cadres] >= 0).chosen
        placed = np.flatnonzero(chosen >= 0)
        board.batch[cadres] = -1
        gain = self._settle(before, value, cadres[placed], batches[chosen[placed]], sites[chosen[placed]])
        self.redeal()
        return gain

    def relabel(self, share: float = 1.0) -> float:
        """Take one member off each site and match them to the batch labels they hold; sites stay."""
        board, inst = self.board, self.inst
        taken = self._sample(share)
        taken = taken[(inst.shape[taken] >= 0).sum(1) > 1]
        if len(taken) < 1:
            return 0.0
        before = _save(board)
        value = board.value()
        sites, batches = board.site[taken].copy(), board.batch[taken].copy()
        room = inst.batch_size - np.bincount(board.batch[board.batch >= 0], minlength=len(inst.batch_size))
        room += np.bincount(batches, minlength=len(room))
        board.lift(taken)
        marginal = board.worth.marginal(board.staffed)
        gains = self.field.slot_gains(marginal)
        net = np.full((len(taken), len(room)), -np.inf)
        for b in range(len(room)):
            able = np.flatnonzero(inst.shape[taken, b] >= 0)
            values, _ = self.field.schedules(gains, inst.shape[taken[able], b], sites[able])
            net[able, b] = values - inst.posting_cost(taken[able], b, sites[able])
        chosen = match(net, room, batches, inst.must[taken] >= 0).chosen
        placed = np.flatnonzero(chosen >= 0)
        # who gains nowhere gives up the label too: others may have it by now
        board.batch[taken] = -1
        gain = self._settle(before, value, taken[placed], chosen[placed], sites[placed])
        self.redeal()
        return gain

    def _settle(self, before: tuple[np.ndarray, ...], value: float, cadres: np.ndarray, batches: np.ndarray,
                sites: np.ndarray) -> float:
        """Put the cadres on their new places, or everything back if that is worse."""
        board = self.board
        board.post(cadres, batches, sites)
        board.reroster(cadres)
        gain = board.value() - value
        if gain < 0:
            _restore(board, before)
            return 0.0
        return gain

    def redeal(self) -> None:
        """Deal labels that are free to cadres without one, so that they can be posted again."""
        board, inst = self.board, self.inst
        left = inst.batch_size - np.bincount(board.batch[board.batch >= 0], minlength=len(inst.batch_size))
        for c in np.flatnonzero(board.batch < 0):
            able = np.flatnonzero((inst.shape[c] >= 0) & (left > 0))
            if len(able):
                b = able[np.argmax(inst.last[c, able] - inst.first[c, able])]
                board.batch[c] = b
                left[b] -= 1


def _save(board: Board) -> tuple[np.ndarray, ...]:
    return board.site.copy(), board.batch.copy(), board.plan.copy(), board.staffed.copy()


def _restore(board: Board, saved: tuple[np.ndarray, ...]) -> None:
    board.site, board.batch, board.plan, board.staffed = saved
