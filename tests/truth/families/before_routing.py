"""What the connection manager does before it looks for a route: host, path, client address, headers, refusals."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.truth.families._managers import FIRST_PORT, UPSTREAM, call, cluster, dump, listener, manager
from tests.truth.setting import Setting

Call = dict[str, Any]

AUTHORITIES: tuple[str | None, ...] = (
    *("a.test", "A.Test", "a.test:80", "a.test:9002", "a.test:09002", "a.test:99999", "a.test:99999999999", "a.test:"),
    *("a.test:zz", "a.test.", "a.test..", "a.test.:80", ".", ".:80", "", "b.a.test", ".a.test", "b.", "b.c", "x:80"),
    *("[::1]", "[::1]:80", "[::1]:zz", "::1", "u@a.test", "a.test:80:80", "10.0.0.1:80", "a,b", "a%20b", "a.test:0"),
    *(None, "a/b", "a b", "b.test:9002.", "*", "a.test:9006", "a.test:+80", "a.test:-1", "a_b", "a;b", "a?b"),
)
HTTP_10 = {"http_protocol_options": {"accept_http_10": True}}
OF_HOSTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"strip_any_host_port": True},
    {"strip_matching_host_port": True},
    {"strip_trailing_host_dot": True},
    {"strip_any_host_port": True, "strip_trailing_host_dot": True},
    {"strip_matching_host_port": True, "strip_trailing_host_dot": True},
    HTTP_10,
    {"http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "a.test:80"}},
    {
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "a.test:80"},
        "strip_any_host_port": True,
    },
    {"http_protocol_options": {"allow_absolute_url": False}},
    {"http_protocol_options": {"allow_custom_methods": True}},
)
TARGETS = (
    *("http://b.a.test/x", "HTTP://a.test", "https://a.test:80/?q", "http://a.test?q", "ftp://a.test/", "http:///x"),
    *("http://a b/", "http://u@a.test/", "*", "x", "//x", "/x#y", "http://a.test/x#y", "http:/x", "://x", "/\\x"),
    *("http://a.test:x/", "http://[::1]/", "/a b", "/\u00e9", "/\x7f", "", "?", "http://", "http:a", "a:b"),
)
PIECES = ("a", "b", ".", "..", "...", "", "", "%2F", "%5c", "%2f%2f", "%41", "%7E", "%2e", "%2E%2e", "%c3", "%zz", "%")
RARE = (
    "\\",
    ";p",
    "..;x",
    ".;",
    "a;x=1",
    "%00",
    "%23",
    "%3F",
    '"',
    "<>",
    "^`",
    "{|}",
    "'",
    "~",
    "%2",
    "%20",
    "%25",
    "*",
)
ODD_PATHS = (
    *("//a/../b%2F?x#y", "/a/../b%2F?x", "//", "///", "/", "/..", "/.", "/a/..", "/a/.", "/a%2F../b", "/a/%2f/b"),
    *("/a?b/../c", "/a?%2F", "/a?//b", "/a?", "/a??b", "/%2e%2e/a", "/..%2fa", "/a/..;x/b", "/a;x/../b", "/#", "/?#"),
    *("/a%5c..%5cb", "/a\\..\\b", "/%2F", "/%2f/", "/a%2f", "/%5C", "/a//", "//a//b//", "/.../a", "/a%00b", "/a?%00"),
)


def settings() -> Iterator[Setting]:
    yield _setting("hosts", OF_HOSTS, _host_calls)
    yield _setting("paths", [dict(options) for options in _of_paths()], _path_calls)


def _setting(name: str, options: Sequence[Mapping[str, Any]], calls: Any, **more: Any) -> Setting:
    ports = range(FIRST_PORT, FIRST_PORT + len(options))
    made = [listener(port, manager(**each)) for port, each in zip(ports, options, strict=True)]
    draw = random.Random(name)
    return Setting(
        name=name,
        dump=dump(made, [cluster("up")]),
        calls=[one for port, each in zip(ports, options, strict=True) for one in calls(draw, port, each)],
        configurations=len(options),
        world=[UPSTREAM],
        **more,
    )


def _host_calls(draw: random.Random, port: int, options: Mapping[str, Any]) -> Iterator[Call]:
    for authority in AUTHORITIES:
        old = draw.random() < (0.5 if "http_protocol_options" in options else 0.1)
        yield call(port, authority=authority, protocol="http/1.0" if old else "http")
    for target in draw.sample(TARGETS, 13):
        yield call(port, path=target, method=draw.choice(("GET", "OPTIONS", "POST")))
    for method in ("FOO", "M-SEARCH", "get", "PURGE", "G@T", "G!T", "HEAD", "QUERY"):
        yield call(port, method=method)


def _of_paths() -> Iterator[dict[str, Any]]:
    for action in ("KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"):
        for normalize in (True, False):
            for merge in (True, False):
                if normalize or merge or action != "KEEP_UNCHANGED":
                    yield {
                        "normalize_path": normalize,
                        "merge_slashes": merge,
                        "path_with_escaped_slashes_action": action,
                    }
    yield {}


def _path_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    grpc = {"content-type": "application/grpc"}
    for path in draw.sample(ODD_PATHS, 16):
        yield call(port, path=path)
    for _ in range(34):
        pieces = [draw.choice(PIECES if draw.random() < 0.7 else RARE) for _ in range(draw.randint(1, 5))]
        joined = "/" + draw.choice(("/", "/", "/", "")).join(pieces)
        query = draw.choice(("", "", "?x=%2F..//y", "?", "#f"))
        yield call(port, path=joined + query, headers=grpc if draw.random() < 0.1 else {})
