"""Path and host normalisation, as Envoy 1.40 was seen to do it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.envoy.hosts import port_start, strip_port, strip_trailing_dot, without_port
from meshsim.envoy.paths import (
    KEEP_UNCHANGED,
    REJECT_REQUEST,
    UNESCAPE_AND_FORWARD,
    UNESCAPE_AND_REDIRECT,
    normalised,
    without_parameters,
)


def path_of(path: str, *, normalize: bool = True, merge: bool = False, escaped: str = KEEP_UNCHANGED) -> str | None:
    made = normalised(path, normalize=normalize, merge_slashes=merge, escaped_slashes=escaped)
    return None if made.rejected is not None else made.path


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("/%41%7E%2e", "/A~."),
        ("/%c3%20%3F%23%2F", "/%c3%20%3F%23%2F"),  # kept as they are spelled
        ("/%zz", "/%zz"),
        ('/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"),
        ("/'", "/'"),
        ("/a\\b", "/a/b"),
        ("/../x", "/x"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a;x/../b", "/b"),
        ("/a/..;x/b", "/b"),
        ("/a/.;x/b", "/a/b"),
        ("/%2e.;x", "/..;x"),  # the encoded dot hides the segment from the parameters
        ("/\\..;x/b", "//..;x/b"),
        ("/..;x%00", "/"),
        ("/a%00", None),
        ("/a#b", None),
        ("/a%2F../b", "/a%2F../b"),
        ("/%4%41", "/%254A"),  # or a new escape would come out of it
        ("/a/../b?x=/../y#", None),
        ("/a/../b?x=/../y", "/b?x=/../y"),
        ("//a", "//a"),
    ],
)
def test_normalize_path(path: str, made: str | None) -> None:
    assert path_of(path) == made


@pytest.mark.parametrize(
    ("path", "made"),
    [("//a///b/", "/a/b/"), ("/a//b?c//d", "/a/b?c//d"), ("///?q", "//?q"), ("/", "/"), ("/a", "/a")],
)
def test_merge_slashes(path: str, made: str) -> None:
    assert path_of(path, normalize=False, merge=True) == made


def test_escaped_slashes() -> None:
    assert path_of("/a%2f", escaped=REJECT_REQUEST) is None
    assert path_of("/a%2F../b", escaped=UNESCAPE_AND_FORWARD) == "/b"
    assert path_of("/a%2F../b", normalize=False, escaped=UNESCAPE_AND_FORWARD) == "/a/../b"
    assert path_of("/a/%2f/b", normalize=False, escaped=UNESCAPE_AND_FORWARD) == "/a///b"
    assert path_of("/a/%2f/b", merge=True, escaped=UNESCAPE_AND_FORWARD) == "/a/b"
    made = normalised("/a%5Cb?q", normalize=True, merge_slashes=False, escaped_slashes=UNESCAPE_AND_REDIRECT)
    assert (made.path, made.redirect) == ("/a/b?q", True)
    plain = normalised("/a/b?%2F", normalize=True, merge_slashes=False, escaped_slashes=UNESCAPE_AND_REDIRECT)
    assert not plain.redirect


PATHS = st.lists(
    st.sampled_from(["/", "//", "a", ".", "..", "%2e", "%2F", "%41", "%c3", ";x", "\\", "~", "?", "%", "%4", "é"]),
    max_size=8,
).map(lambda atoms: "/" + "".join(atoms))


@settings(max_examples=200, deadline=None)
@given(PATHS)
def test_normalising_again_changes_nothing_where_no_backslash_or_escape_is_left(path: str) -> None:
    once = path_of(path)
    assert once is not None and once.startswith("/")
    bare = once.partition("?")[0]
    assert not {".", ".."} & set(bare.split("/"))
    if "%" not in bare and ";" not in bare:
        assert path_of(once) == once


def test_parameters_are_cut_segment_by_segment() -> None:
    assert without_parameters("/a;x=1/b;y") == "/a/b"


@pytest.mark.parametrize(
    ("host", "stripped"),
    [
        ("a.com:80", "a.com"),
        ("a.com:99999", "a.com"),
        ("a.com:99999999999", "a.com:99999999999"),
        ("a.com:zz", "a.com:zz"),
        ("a.com:", "a.com:"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("::1", ":"),
    ],
)
def test_strip_port(host: str, stripped: str) -> None:
    assert strip_port(host) == stripped


def test_matching_port_is_compared_as_a_number() -> None:
    assert strip_port("a.com:021006", 21006) == "a.com"
    assert strip_port("a.com:80", 81) == "a.com:80"


def test_ports_for_matching_are_cut_whatever_they_are() -> None:
    assert without_port("a.com:zz") == "a.com"
    assert port_start("[::1]") is None


@pytest.mark.parametrize(
    ("host", "stripped"), [("a.com.", "a.com"), ("a.com.:80", "a.com:80"), ("a.com..", "a.com."), (".", ""), ("a", "a")]
)
def test_trailing_dot(host: str, stripped: str) -> None:
    assert strip_trailing_dot(host) == stripped
