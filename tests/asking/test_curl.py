"""curl's habits as pure functions; the cases were seen on the wire with curl 7.88."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.asking.curl import connect_to, parse_headers, parse_url, remove_dot_segments, resolve_address
from meshsim.errors import InputError


@pytest.mark.parametrize(
    ("text", "destination", "authority", "path"),
    [
        ("http://reviews:9080/reviews/1", "reviews:9080", "reviews:9080", "/reviews/1"),
        ("reviews:9080/x", "reviews:9080", "reviews:9080", "/x"),
        ("http://10.0.0.5/", "10.0.0.5:80", "10.0.0.5", "/"),
        ("http://10.0.0.5:80/", "10.0.0.5:80", "10.0.0.5", "/"),
        ("https://a.example", "a.example:443", "a.example", ""),
        ("https://a.example:80/", "a.example:80", "a.example:80", "/"),
        ("HTTP://EXAMPLE.com:81/a/../b/./c?x=/../y#f", "EXAMPLE.com:81", "EXAMPLE.com:81", "/b/c?x=/../y"),
        ("http://Example.com.:81?q", "Example.com.:81", "Example.com.:81", "/?q"),
        ("http://h:/x", "h:80", "h", "/x"),
        ("http://[::1]:8080/x", "[::1]:8080", "[::1]:8080", "/x"),
        ("http://h//a//..", "h:80", "h", "//a/"),
        ("http://h/é%zz", "h:80", "h", "/%c3%a9%zz"),
        ("tcp://redis:6379", "redis:6379", "redis:6379", ""),
        ("http://h?a=b/c@d", "h:80", "h", "/?a=b/c@d"),
    ],
)
def test_urls(text: str, destination: str, authority: str, path: str) -> None:
    url = parse_url(text)
    assert (url.destination, url.authority, url.path) == (destination, authority, path)


def test_path_as_is_keeps_the_dots() -> None:
    assert parse_url("http://h/a/../b", path_as_is=True).path == "/a/../b"


def test_user_and_password_become_basic_credentials() -> None:
    assert parse_url("http://u:p%40@h/").authorization == "Basic dTpwQA=="
    assert parse_url("http://h/").authorization is None


@pytest.mark.parametrize(
    "text",
    [
        "ftp://h/",
        "http://",
        "http://h:99999/",
        "http://h:8o/",
        "http://[::1/",
        "http://[10.0.0.1]/",
        "http://h/a b",
        "http://h/{a,b}",
        "http://h/[1-3]",
        "tcp://redis",
        "grpc://h/a.B/C",
        "http://a%20b/",
        "http://h\n/",
        "http:///x",
    ],
)
def test_bad_urls_name_the_url_and_a_remedy(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_url(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b/c/./../../g", "/a/g"),
        ("/mid/content=5/../6", "/mid/6"),
        ("/../../x", "/x"),
        ("/..", "/"),
        ("/.", "/"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("//", "//"),
        ("/...", "/..."),
        ("/.a", "/.a"),
    ],
)
def test_dot_segments(path: str, expected: str) -> None:
    assert remove_dot_segments(path) == expected


@given(st.text("/.a", max_size=12).map(lambda rest: "/" + rest))
@settings(max_examples=200, deadline=None)
def test_removing_dot_segments_leaves_none_and_stays_absolute(path: str) -> None:
    squashed = remove_dot_segments(path)
    assert squashed.startswith("/")
    assert not {".", ".."} & set(squashed.split("/"))
    assert remove_dot_segments(squashed) == squashed


def test_header_options() -> None:
    options = parse_headers(["X-Many: 1", "x-many:2", "Empty;", "Accept:", "Te: a: b "])
    assert options.headers == {"x-many": ("1", "2"), "empty": ("",), "te": ("a: b",)}
    assert options.taken_away == {"accept"}
    assert not options.host_given


@pytest.mark.parametrize(
    ("given", "host"),
    [
        (["Host: a"], "a"),
        (["host:a:80"], "a:80"),
        (["Host:"], None),
        (["Host;"], ""),
        (["Host:  "], ""),
        (["Host: a", "Host: b"], "a"),
    ],
)
def test_the_host_header_as_curl_sends_it(given: list[str], host: str | None) -> None:
    options = parse_headers(given)
    assert options.host_given
    assert options.host == host
    assert options.headers == {}


@pytest.mark.parametrize("option", ["no-colon", "@file", ":authority: x", "a b: c", ": x", "x: a\nb"])
def test_bad_headers(option: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_headers([option])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("options", "dialled"),
    [
        ([], ("foo.com", 80)),
        (["::127.0.0.1:81"], ("127.0.0.1", 81)),
        (["foo.com:80:bar:"], ("bar", 80)),
        (["FOO.com::bar:9"], ("bar", 9)),
        (["foo.com:81:bar:9"], ("foo.com", 80)),
        (["other:80:bar:9", "foo.com:80::8080"], ("foo.com", 8080)),
        (["::[::1]:81"], ("::1", 81)),
        (["foo.com:80:a:1", "foo.com:80:b:2"], ("a", 1)),
    ],
)
def test_connect_to(options: list[str], dialled: tuple[str, int]) -> None:
    assert connect_to(options, "foo.com", 80) == dialled


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ([], None),
        (["foo.com:80:10.0.0.1"], "10.0.0.1"),
        (["FOO.com:80:10.0.0.1,10.0.0.2"], "10.0.0.1"),
        (["foo.com:81:10.0.0.1"], None),
        (["*:80:10.0.0.9"], "10.0.0.9"),
        (["*:80:10.0.0.9", "foo.com:80:10.0.0.1"], "10.0.0.1"),
        (["foo.com:80:10.0.0.1", "foo.com:80:10.0.0.2"], "10.0.0.2"),
        (["+foo.com:80:[::1]"], "::1"),
        (["foo.com:80:10.0.0.1", "-foo.com:80"], None),
    ],
)
def test_resolve(options: list[str], address: str | None) -> None:
    assert resolve_address(options, "foo.com", 80) == address


@pytest.mark.parametrize("option", ["foo.com", "foo.com:80", "foo.com:80:nowhere", "foo.com:x:10.0.0.1"])
def test_bad_resolve(option: str) -> None:
    with pytest.raises(InputError, match="--resolve"):
        resolve_address([option], "foo.com", 80)


def test_bad_connect_to() -> None:
    with pytest.raises(InputError, match="--connect-to"):
        connect_to(["a:b"], "foo.com", 80)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@re views/",
        "user:hunter2@reviews:99999/",
        "ftp://user:hunter2@reviews/",
        "http://reviews/{a}?token=hunter2",
    ],
)
def test_a_bad_url_is_shown_without_its_secrets(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)
    assert "views" in str(caught.value)


@pytest.mark.parametrize("option", ["authorization Bearer hunter2", "hunter2"])
def test_a_header_option_without_colon_is_not_repeated(option: str) -> None:
    with pytest.raises(InputError, match="has no colon") as caught:
        parse_headers([option])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("port", ["²", "٣", "65536", "999999"])
def test_a_port_is_written_in_ascii_digits_and_is_in_range(port: str) -> None:
    with pytest.raises(InputError):
        connect_to([f"::other:{port}"], "reviews", 80)
    with pytest.raises(InputError):
        resolve_address([f"reviews:{port}:10.0.0.5"], "reviews", 80)
