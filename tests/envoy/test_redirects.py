"""The exact Location of redirects, and what rewrites make of a request."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.envoy.grpc_timeout import written_grpc_timeout
from meshsim.facts.request import Request
from tests.builders_http import manager as hcm
from tests.builders_http import one_route, request, table_fields, virtual_host, walk


def location(
    action: dict[str, Any], host: str, path: str = "/x?q=1", match: dict[str, Any] | None = None
) -> str | None:
    walked = walk(hcm(one_route(match, redirect=action)), request(path, host=host))
    assert walked.ending.status == 301
    return walked.ending.location


@pytest.mark.parametrize(
    ("action", "host", "made"),
    [
        ({"https_redirect": True}, "a.com:80", "https://a.com/x?q=1"),
        ({"https_redirect": True}, "a.com:443", "https://a.com:443/x?q=1"),
        ({"https_redirect": True}, "[::1]:80", "https://[::1]/x?q=1"),
        ({"https_redirect": True}, "A.com", "https://A.com/x?q=1"),
        ({"scheme_redirect": "ftp"}, "a.com:80", "ftp://a.com/x?q=1"),
        ({"path_redirect": "/p"}, "a.com:80", "http://a.com:80/p?q=1"),
        ({"path_redirect": "/p?z=1", "strip_query": True}, "a.com", "http://a.com/p?z=1"),
        ({"path_redirect": "p", "strip_query": True}, "a.com", "http://a.com/p"),
        ({"host_redirect": "h.com"}, "a.com:99", "http://h.com/x?q=1"),
        ({"port_redirect": 443}, "a.com:99", "http://a.com:443/x?q=1"),
        ({"prefix_rewrite": "/new?z=1"}, "a.com", "http://a.com/new?z=1x?q=1"),
        ({"regex_rewrite": {"pattern": {"regex": "x"}, "substitution": "yy"}}, "a.com", "http://a.com/yy?q=1"),
        ({"regex_rewrite": {"pattern": {"regex": "nope"}, "substitution": "y"}}, "a.com", "http://a.com/x?q=1"),
    ],
)
def test_location(action: dict[str, Any], host: str, made: str) -> None:
    assert location(action, host) == made


@pytest.mark.parametrize(
    ("code", "status"),
    [("MOVED_PERMANENTLY", 301), ("FOUND", 302), ("SEE_OTHER", 303), (3, 307), ("PERMANENT_REDIRECT", 308)],
)
def test_codes(code: Any, status: int) -> None:
    walked = walk(hcm(one_route(redirect={"path_redirect": "/p", "response_code": code})))
    assert walked.ending.status == status
    assert walked.ending.response_code_details == "direct_response"
    assert walked.reason == "router.redirect"


def test_require_tls_keeps_the_port_and_needs_no_route() -> None:
    table = table_fields(virtual_host(one_route({"path": "/only"}), require_tls="ALL"))
    walked = walk(hcm(table=table), request("/x?q", host="a.com:80"))
    assert walked.ending.status == 301
    assert walked.ending.location == "https://a.com:80/x?q"
    assert walked.hop.route is None
    told = walk(hcm(table=table), request("/only", headers={"x-forwarded-proto": ("https",)}))
    assert told.cluster == "c"
    shouted = walk(hcm(table=table), request("/only", headers={"x-forwarded-proto": ("HTTPS",)}))
    assert shouted.ending.status == 301
    nothing = walk(hcm(table=table), request("/only", headers={"x-forwarded-proto": ("",)}))
    assert nothing.ending.response_flags == ("NR",)


def test_require_tls_spares_internal_requests() -> None:
    table = table_fields(virtual_host(one_route(), require_tls="EXTERNAL_ONLY"))
    internal = {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}
    manager = hcm(table=table, internal_address_config=internal)
    assert walk(manager).ending.status == 301
    assert walk(manager, request(headers={"x-forwarded-for": ("10.1.1.1",)})).cluster == "c"


def sent(action: dict[str, Any], path: str = "/", match: dict[str, Any] | None = None, **fields: Any) -> Request:
    return walk(hcm(one_route(match, route={"cluster": "c", **action})), request(path, **fields)).sent


@pytest.mark.parametrize(
    ("path", "made"), [("/p", "/"), ("/p/", "//"), ("/p/x", "//x"), ("/px", "/x"), ("/p?x", "/?x")]
)
def test_prefix_rewrite_is_plain_text_replacement(path: str, made: str) -> None:
    rewritten = sent({"prefix_rewrite": "/"}, path, {"prefix": "/p"})
    assert rewritten.path == made
    assert rewritten.headers["x-envoy-original-path"] == (path,)


@pytest.mark.parametrize(
    ("action", "match", "path", "made"),
    [
        ({"prefix_rewrite": "/n?z=1"}, {"path": "/p"}, "/p?x", "/n?z=1?x"),
        ({"prefix_rewrite": "/n"}, {"safe_regex": {"regex": "/.*"}}, "/a/b?x", "/n?x"),
        ({"prefix_rewrite": ""}, {"prefix": "/p"}, "/p", "/p"),
        ({"prefix_rewrite": "/n"}, {"prefix": "/P", "case_sensitive": False}, "/px", "/nx"),
        ({"regex_rewrite": {"pattern": {"regex": "a(.)"}, "substitution": r"\1"}}, None, "/abac?ab", "/bc?ab"),
        ({"regex_rewrite": {"pattern": {"regex": ".*"}, "substitution": ""}}, None, "/a?q", "/a?q"),
    ],
)
def test_path_rewrites(action: dict[str, Any], match: dict[str, Any] | None, path: str, made: str) -> None:
    assert sent(action, path, match).path == made


def test_ignored_parameters_in_the_matched_prefix_prevent_the_rewrite() -> None:
    route = one_route({"prefix": "/p/q"}, route={"cluster": "c", "prefix_rewrite": "/n"})
    manager = hcm(table=table_fields(virtual_host(route), ignore_path_parameters_in_path_matching=True))
    assert walk(manager, request("/p;a/q")).sent.path == "/p;a/q"
    assert walk(manager, request("/p/q;v=1/z")).sent.path == "/n;v=1/z"


@pytest.mark.parametrize(
    ("action", "authority", "original"),
    [
        ({"host_rewrite_literal": "b.com"}, "b.com", ("a.com",)),
        ({"host_rewrite": "b.com"}, "b.com", ("a.com",)),
        ({"host_rewrite_header": "X-Host"}, "c.com", ("a.com",)),
        ({"host_rewrite_header": "x-none"}, "a.com", None),
        # Envoy reads `host` as :authority, so that the name is replaced by itself, and told.
        ({"host_rewrite_header": "Host"}, "a.com", ("a.com",)),
        ({"host_rewrite_path_regex": {"pattern": {"regex": "^/(.+)$"}, "substitution": r"\1.h"}}, "p.h", ("a.com",)),
        ({"auto_host_rewrite": True}, "a.com", None),
    ],
)
def test_host_rewrites(action: dict[str, Any], authority: str, original: tuple[str, ...] | None) -> None:
    made = sent(action, "/p?q", headers={"x-host": ("c.com",)})
    assert made.authority == authority
    assert made.headers.get("x-envoy-original-host") == original


def test_x_forwarded_host_is_added_once() -> None:
    action = {"host_rewrite_literal": "b.com", "append_x_forwarded_host": True}
    assert sent(action).headers["x-forwarded-host"] == ("a.com",)
    assert sent(action, headers={"x-forwarded-host": ("z, a.com",)}).headers["x-forwarded-host"] == ("z, a.com",)


GRPC = {"content-type": ("application/grpc",)}


@pytest.mark.parametrize(
    ("action", "headers", "expected", "grpc"),
    [
        ({}, {}, ("15000",), None),
        ({"timeout": "0s"}, {}, None, None),
        ({"timeout": "1.5s"}, {"x-envoy-expected-rq-timeout-ms": ("7",)}, ("1500",), None),
        ({"max_grpc_timeout": "0s"}, GRPC, None, None),
        ({"max_grpc_timeout": "0s"}, {**GRPC, "grpc-timeout": ("1S",)}, ("1000",), ("1000m",)),
        ({"max_grpc_timeout": "2s"}, {**GRPC, "grpc-timeout": ("1M",)}, ("2000",), ("2000m",)),
        ({"max_grpc_timeout": "2s"}, {}, ("15000",), None),
    ],
)
def test_the_timeout_that_the_upstream_is_told(
    action: dict[str, Any], headers: dict[str, tuple[str, ...]], expected: Any, grpc: Any
) -> None:
    made = sent(action, headers=headers).headers
    assert made.get("x-envoy-expected-rq-timeout-ms") == expected
    assert made.get("grpc-timeout") == grpc


def test_long_grpc_timeouts_get_a_coarser_unit() -> None:
    assert written_grpc_timeout(99_999_999) == "99999999m"
    assert written_grpc_timeout(100_000_000) == "100000S"
