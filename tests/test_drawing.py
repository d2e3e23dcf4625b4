"""Pictures: areas in proportion, classes in order, labels apart, numbers that fit."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocator.drawing import chart, city, svg

WORDS = {"map": "地图", "legend_size": "size", "legend_colour": "colour", "depot": "depot"}
SQUARE = [(120.0, 31.0), (120.2, 31.0), (120.2, 31.2), (120.0, 31.2)]


def drawn(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def named(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in root.iter() if name in (e.get("class") or "").split()]


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2


def test_colours_are_told_apart_in_grey() -> None:
    shades = [luminance(c) for c in svg.COLOURS]
    assert all(a > 1.3 * b for a, b in pairwise(shades))


@pytest.mark.parametrize(("colour", "ink"), list(zip(svg.COLOURS, svg.INKS, strict=True)))
def test_text_on_a_colour_can_be_read(colour: str, ink: str) -> None:
    """Contrast of WCAG AA."""
    paper, text = luminance(colour), luminance(ink if len(ink) == 7 else "#" + "".join(c * 2 for c in ink[1:]))
    light, dark = max(paper, text), min(paper, text)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_classes_and_their_labels() -> None:
    assert [svg.shade(x) for x in (0, 0.049, 0.05, 0.3, 0.59, 0.6, 1)] == [0, 0, 1, 2, 3, 4, 4]
    assert svg.shade_labels() == ["<5 %", "5–20 %", "20–40 %", "40–60 %", "≥60 %"]


def test_circles_have_areas_in_proportion() -> None:
    areas = [(city.radius(n, 100) - city.SMALL) ** 2 for n in (25, 100)]
    assert areas[1] == pytest.approx(4 * areas[0])
    assert city.radius(0, 0) == city.SMALL


def test_labels_of_equal_places_are_moved_apart() -> None:
    regions = [city.Region([SQUARE], name, "9") for name in ("甲", "乙", "丙")]
    root = drawn(city.draw(regions, [], [], WORDS))
    heights = sorted(float(e.get("y", 0)) for e in named(root, "name"))
    assert all(b - a >= 48 for a, b in pairwise(heights))


def test_everything_lies_on_the_picture() -> None:
    dots = [city.Dot(119.9, 30.9, 4, 1, "a"), city.Dot(120.4, 31.3, 4, 0, "b")]
    root = drawn(city.draw([city.Region([SQUARE], "甲")], dots, [(120.1, 31.1, "d")], WORDS))
    _, _, width, height = map(float, root.get("viewBox", "").split())
    for e in root.iter():
        if e.get("cx"):
            assert 0 < float(e.get("cx", 0)) < width
            assert 0 < float(e.get("cy", 0)) < height
    assert root.get("role") == "img"
    assert root[0].text == "地图"


def test_north_is_up_and_east_is_right() -> None:
    dots = [city.Dot(120.0, 31.0, 4, 1, "southwest"), city.Dot(120.2, 31.2, 4, 1, "northeast")]
    root = drawn(city.draw([], dots, [], WORDS))
    place = {e[0].text: e for e in root.iter() if e.get("cx") and len(e)}
    west, east = place["southwest"], place["northeast"]
    assert float(west.get("cx", 0)) < float(east.get("cx", 0))
    assert float(west.get("cy", 0)) > float(east.get("cy", 0))


@pytest.mark.parametrize("dots", [[], [city.Dot(120, 31, 0, 0, "alone")]])
def test_a_map_of_little(dots: list[city.Dot]) -> None:
    assert "NaN" not in city.draw([], dots, [], WORDS)


def test_a_ring_without_area_has_a_label() -> None:
    root = drawn(city.draw([city.Region([SQUARE[:1] * 3], "line")], [], [], WORDS))
    assert len(named(root, "name")) == 1


@given(st.integers(1, 10**12))
def test_the_scale_holds_the_largest_bar(value: int) -> None:
    top = chart._round_up(value)
    assert value <= top <= 2 * value + 2
    assert top % 2 == 0


def test_bars_are_as_high_as_their_numbers() -> None:
    root = drawn(chart.bars("地图", ["2/3", "2/4"], [100, 50], [50, 0]))
    asked = [float(e.get("height", 0)) for e in named(root, "asked")]
    there = [float(e.get("height", 0)) for e in named(root, "there")]
    assert asked[0] == pytest.approx(2 * asked[1], abs=0.2)
    assert there == [pytest.approx(asked[1], abs=0.2), 0]
    assert "2/3: 50 / 100 (50 %)" in [e.text for e in root.iter()]


def test_labels_of_days_do_not_overlap() -> None:
    days = [f"{n}" for n in range(366)]
    root = drawn(chart.bars("", days, [1] * 366, [0] * 366))
    at = sorted(float(e.get("x", 0)) for e in named(root, "middle"))
    assert min(b - a for a, b in pairwise(at)) >= 40


def test_text_is_escaped() -> None:
    assert svg.text("<b>&", 1, 2) == '<text x="1" y="2">&lt;b&gt;&amp;</text>'
    assert 'label="&quot;&lt;"' in svg.element("g", label='"<')
    assert not re.search(r"\d\.\d\d", svg.element("circle", cx=1.23456))
