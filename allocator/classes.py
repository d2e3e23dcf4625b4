"""The order in which classes of applications resume, as `rules.class_order` says it.

A text such as 'a<b<c<school' or 'a<b, a<c': chains of labels, each before the next. A site's label is
its class, or `school` where it is one, whatever its class.
"""

from __future__ import annotations

from itertools import pairwise

LABELS = ("a", "b", "c", "school")


class OrderError(ValueError):
    """The order cannot be kept: `fault` names what is wrong, the text says what is expected."""

    def __init__(self, fault: str, expected: str):
        super().__init__(expected)
        self.fault = fault


def pairs(text: str) -> frozenset[tuple[str, str]]:
    """Every (earlier, later) pair of labels the order asks for, those that follow included.

    Raises
    ------
    OrderError
        A label is unknown, or a class would have to resume before itself.
    """
    found: set[tuple[str, str]] = set()
    for chain in filter(None, (part.strip() for part in text.split(","))):
        labels = [label.strip() for label in chain.split("<")]
        for label in labels:
            if label not in LABELS:
                raise OrderError("unknown_class", f"chains of {', '.join(LABELS)} such as 'a<b<c', not '{label}'")
        found |= set(pairwise(labels))
    for middle in LABELS:
        found |= {(a, d) for a, b in found if b == middle for c, d in found if c == middle}
    circular = sorted(a for a, b in found if a == b)
    if circular:
        raise OrderError("class_cycle", f"an order without a cycle; '{circular[0]}' would resume before itself")
    return frozenset(found)


def label(kind: str, class_: str) -> str:
    """What a site counts as in the order."""
    return "school" if kind == "school" else class_
