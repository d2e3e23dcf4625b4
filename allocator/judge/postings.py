"""Rules of postings: batches, terms, travel, pins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocator.distance import reachable, travel_minutes
from allocator.errors import Violation
from allocator.judge.evidence import Evidence

MINUTES_TOLERANCE = 1e-3
"""Minutes stand in the file with three decimals."""


def batch_size(evidence: Evidence) -> list[Violation]:
    """A batch takes at most its size."""
    posted = evidence.tables["postings"]["batch"].value_counts()
    rows = [(b.id, int(posted.get(b.id, 0)), b.size) for b in evidence.settings.batches]
    batches = pd.DataFrame(rows, columns=["batch", "posted", "size"])
    full = batches[batches["posted"] > batches["size"]]
    return evidence.found("batch_size", full, ["batch"], "{posted} cadres posted, the batch takes {size}")


def batch_start(evidence: Evidence) -> list[Violation]:
    """A posting begins when its batch starts, or when the cadre is first available, if later."""
    starts = {batch.id: batch.start for batch in evidence.settings.batches}
    postings = evidence.postings
    due = np.maximum(postings["batch"].map(starts).to_numpy(dtype=int), postings["available"].to_numpy())
    wrong = postings.assign(due=due)[postings["first_day"].to_numpy() != due]
    message = "the posting begins {first_day}, in batch {batch} it must begin {due}"
    return evidence.found("batch_start", wrong, ["cadre"], message)


def posting_length(evidence: Evidence) -> list[Violation]:
    """A posting lasts to the cadre's last day, the end of the horizon or max_posting_days."""
    postings = evidence.postings
    longest = postings["first_day"] + evidence.settings.rules.max_posting_days - 1
    due = np.minimum(np.minimum(longest, postings["until"]), evidence.settings.days - 1)
    wrong = (postings["last_day"] != due) | (postings["last_day"] < postings["first_day"])
    message = "the posting ends {last_day}, it must end {due} and begins {first_day}"
    return evidence.found("posting_length", postings.assign(due=due)[wrong], ["cadre"], message)


def one_posting(evidence: Evidence) -> list[Violation]:
    """A cadre has at most one posting."""
    postings = evidence.tables["postings"].groupby("cadre")["site"].agg(["size", "; ".join]).reset_index()
    twice = postings[postings["size"] > 1]
    return evidence.found("one_posting", twice, ["cadre"], "{size} postings: {join}")


def travel_limit(evidence: Evidence) -> list[Violation]:
    """Nobody travels longer than max_travel; `minutes` says the truth."""
    postings, limit = evidence.tables["postings"], evidence.settings.rules.max_travel
    right = travel_minutes(evidence.scenario, postings["cadre"], postings["site"])
    allowed = reachable(evidence.scenario, postings["cadre"], postings["site"])
    said = postings["minutes"].to_numpy()
    rows = postings.assign(right=right, limit=limit)
    far = allowed & (right > limit + 1e-9)
    false = allowed & ~np.isclose(said, right, rtol=1e-6, atol=MINUTES_TOLERANCE)
    key = ["cadre", "site"]
    return [
        *evidence.found(
            "travel_limit", rows[~allowed], key, "travel.csv does not list this site for the cadre"
        ),
        *evidence.found(
            "travel_limit", rows[far], key, "{right:.3f} minutes one way, at most {limit:g} allowed"
        ),
        *evidence.found("travel_limit", rows[false], key, "minutes is {minutes:.3f}, it takes {right:.3f}"),
    ]


def pins(evidence: Evidence) -> list[Violation]:
    """A cadre goes where a pin says must, and not where one says never."""
    asked = evidence.given("pins").rename(columns={"first_day": "due"})
    postings = evidence.tables["postings"][["cadre", "site", "first_day"]]
    pinned = asked.merge(postings, on=["cadre", "site"], how="left")
    there, must = pinned["first_day"].notna(), pinned["kind"] == "must"
    late = must & there & (pinned["due"] >= 0) & (pinned["first_day"] != pinned["due"])
    key = ["cadre", "site"]
    message = "must be posted here from {due}, but the posting begins {first_day}"
    return [
        *evidence.found("pins", pinned[must & ~there][key], key, "must be posted here and is not"),
        *evidence.found("pins", pinned[~must & there][key], key, "must never be posted here and is"),
        *evidence.found("pins", pinned[late], key, message),
    ]
