"""RE2 as Envoy uses it."""

from __future__ import annotations

import pytest

from meshsim.errors import Rejected
from meshsim.match.regex import Regex
from meshsim.place import Place


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/b|/ab", "/ab", True),
        ("/a", "/ab", False),
        ("/a.b", "/aéb", False),  # two bytes
        ("/a..b", "/aéb", True),
        ("/a.b", "/a\nb", False),
        (".*", "", True),
    ],
)
def test_the_whole_text_must_match_and_it_is_bytes(pattern: str, text: str, matches: bool) -> None:
    assert Regex(pattern, None).matches(text) is matches


def test_a_broken_expression_is_rejected_with_its_place() -> None:
    place = Place("dump.json", ("a", "regex"))
    with pytest.raises(Rejected) as caught:
        Regex("(?<=look)behind", place)
    assert caught.value.place == place
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "text", "rewrite", "made"),
    [
        ("a*", "baac", "X", "XbXcX"),  # Python's re.sub gives one X more
        ("(.)/", "a/b/", r"\1-\0", "a-a/b-b/"),
        ("^/", "//a", "", "/a"),
        ("b", "abab", r"\\", "a\\a\\"),
        ("z", "abc", "X", "abc"),
    ],
)
def test_replacing_all_matches_is_re2s_own(pattern: str, text: str, rewrite: str, made: str) -> None:
    assert Regex(pattern, None).replace_all(text, rewrite) == made


def test_no_pattern_costs_exponential_time() -> None:
    assert Regex("(a+)+$", None).matches("a" * 2000 + "b") is False


STARTS = [
    ("/api/v[0-9]+/.*", "/api/v"),
    ("^/a", "/a"),
    ("/ab*", "/a"),
    ("/ab?c", "/a"),
    ("/ab{2}", "/a"),
    (r"/a\.b\d", "/a.b"),
    (r"/a\.?", "/a"),
    ("/a|/b", ""),
    ("/a(b|c)", "/a"),
    (r"/a\|b", r"/a|b"),
    ("/a[|]b|c", ""),
    ("(?i)/a", ""),
    (r"/a\Qb|c\E", ""),
    ("/ä", "/"),
    ("", ""),
]


@pytest.mark.parametrize(("pattern", "start"), STARTS)
def test_what_everything_that_matches_begins_with(pattern: str, start: str) -> None:
    assert Regex(pattern, None).literal_start() == start
