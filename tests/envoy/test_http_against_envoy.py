"""Generated connection managers and requests: our HTTP stages and the real Envoy must say the same.

Compared are status, Location and body of every reply, and the request line and headers of every request that reached
the upstream. The generator is seeded, so a failure can be run again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from meshsim.states import AtReturn
from tests.builders_http import Walked, connection, manager, manager_fields, pod, request, table_fields, walk
from tests.envoy_on_loopback import Answer, running
from tests.realism.prerequisites import envoy_binary

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here"),
]

MANAGERS = 20
REQUESTS = 40
CLUSTERS = ("c", "d")
OWN_ADDRESS = "192.0.2.2"
"""What stands in for a loopback client; the real value is this machine's, so that header's text is not compared."""

Sent = tuple[str, str, str | None, list[tuple[str, str]]]
"""Method, target, host, header lines."""


class Generator:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def one(self, *values: Any) -> Any:
        return self._random.choice(values)

    def some(self, low: int, high: int, make: Callable[[], Any]) -> list[Any]:
        return [make() for _ in range(self._random.randint(low, high))]

    def maybe(self, share: float, name: str, value: Any) -> dict[str, Any]:
        return {name: value} if self.chance(share) else {}

    def string_matcher(self) -> dict[str, Any]:
        kind = self.one("exact", "prefix", "suffix", "contains", "safe_regex")
        if kind == "safe_regex":
            return {kind: {"regex": self.one("a.*", "[0-9]+", "(x|a)", ".*")}}
        return {kind: self.one("a", "A", "ab", "1"), **self.maybe(0.3, "ignore_case", True)}

    def header_matcher(self) -> dict[str, Any]:
        start = self._random.randint(-3, 3)
        name = self.one("x-a", "x-b", ":method", ":path", ":authority", "host", ":scheme", "x-forwarded-proto")
        kind = self.one(
            {"string_match": self.string_matcher()},
            {"present_match": self.chance(0.5)},
            {"range_match": {"start": start, "end": start + 4}},
            {"exact_match": self.one("a", "GET")},
            {},
        )
        inverted = self.maybe(0.3, "invert_match", True)
        return {"name": name, **kind, **inverted, **self.maybe(0.2, "treat_missing_header_as_empty", True)}

    def match(self) -> dict[str, Any]:
        path = self.one(
            {"prefix": self.one("/", "/a", "/a/", "/A", "", "/a/b")},
            {"path": self.one("/a", "/a/b", "/", "/A/b")},
            {"safe_regex": {"regex": self.one("/a.*", "[/ab]+", "(/x|/a/b)", ".*b")}},
            {"path_separated_prefix": self.one("/a", "/a/b", "/A")},
        )
        query = {"name": self.one("q", "r"), **self.maybe(0.6, "string_match", self.string_matcher())}
        cookie = {"name": "k", "string_match": self.string_matcher(), **self.maybe(0.4, "invert_match", True)}
        return {
            **path,
            **self.maybe(0.2, "case_sensitive", False),
            **self.maybe(0.3, "headers", self.some(1, 2, self.header_matcher)),
            **self.maybe(0.2, "query_parameters", [query]),
            **self.maybe(0.1, "cookies", [cookie]),
            **self.maybe(0.1, "grpc", {}),
        }

    def mutations(self, share: float) -> dict[str, Any]:
        def addition() -> dict[str, Any]:
            value = self.one("1", "", "%REQ(x-a)%", "%REQ(:path)%-%PROTOCOL%", "a%%b", "%REQ(no?x-b):2%")
            action = self.one("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD")
            return {"header": {"key": self.one("x-a", "x-b", "x-m"), "value": value}, "append_action": action}

        return {
            **self.maybe(share, "request_headers_to_add", self.some(1, 3, addition)),
            **self.maybe(share / 2, "request_headers_to_remove", [self.one("x-a", "x-m")]),
        }

    def regex_rewrite(self) -> dict[str, Any]:
        return {
            "pattern": {"regex": self.one("a", "[ab]*", "(.)/", "^/")},
            "substitution": self.one("Z", "", r"\0\0"),
        }

    def action(self) -> dict[str, Any]:
        if self.chance(0.15):
            return {"direct_response": {"status": self.one(200, 404, 503), "body": {"inline_string": "hey"}}}
        if self.chance(0.25):
            path = self.one(
                {"path_redirect": self.one("/p", "/p?z=1", "p")},
                {"prefix_rewrite": self.one("/n", "/n?z", "n")},
                {"regex_rewrite": self.regex_rewrite()},
                {},
            )
            return {
                "redirect": {
                    **path,
                    **self.maybe(0.4, "https_redirect", True),
                    **self.maybe(0.3, "host_redirect", "h.com"),
                    **self.maybe(0.3, "port_redirect", self.one(80, 443, 99)),
                    **self.maybe(0.3, "strip_query", True),
                }
            }
        entry = {"name": "c", "weight": 1, **self.mutations(0.3), **self.maybe(0.3, "host_rewrite_literal", "w.com")}
        target = self.one(
            {"cluster": "c"},
            {"cluster": "d"},
            {"cluster_header": self.one("x-a", ":method", "x-c")},
            {"weighted_clusters": {"clusters": [entry, {"name": "d", "weight": 0}]}},
        )
        rewrite = self.one(
            {"prefix_rewrite": self.one("/", "/n?z=1", "n")}, {"regex_rewrite": self.regex_rewrite()}, {}
        )
        host = self.one(
            {"host_rewrite_literal": "l.com"},
            {"host_rewrite_header": self.one("x-a", "x-m")},
            {"host_rewrite_path_regex": {"pattern": {"regex": r"^/(\w+).*"}, "substitution": r"\1.h"}},
            {},
            {},
        )
        options = {
            **self.maybe(0.3, "append_x_forwarded_host", True),
            **self.maybe(0.4, "timeout", self.one("0s", "3s", "0.5s")),
            **self.maybe(0.2, "max_grpc_timeout", self.one("0s", "2s")),
            **self.maybe(0.2, "cluster_not_found_response_code", "NOT_FOUND"),
        }
        return {"route": {**target, **rewrite, **host, **options}}

    def table(self) -> dict[str, Any]:
        domains = [
            "a.com",
            "*.a.com",
            "*.b.a.com",
            "foo.*",
            "*",
            "a.com:80",
            "A.COM:99",
            "*.com",
            "foo.b*",
            "",
            "[::1]",
        ]
        self._random.shuffle(domains)
        hosts = []
        for number in range(self._random.randint(1, 4)):
            routes = self.some(1, 5, lambda: {"match": self.match(), **self.action(), **self.mutations(0.2)})
            hosts.append(
                {
                    "name": f"v{number}",
                    "domains": [domains.pop() for _ in range(self._random.randint(1, 3) if domains else 0)],
                    "routes": routes,
                    **self.maybe(0.1, "require_tls", self.one("ALL", "EXTERNAL_ONLY")),
                    **self.maybe(0.3, "include_request_attempt_count", True),
                    **self.mutations(0.2),
                }
            )
        return table_fields(
            *(host for host in hosts if host["domains"]),
            validate_clusters=False,
            **self.maybe(0.3, "ignore_port_in_host_matching", True),
            **self.maybe(0.2, "ignore_path_parameters_in_path_matching", True),
            **self.maybe(0.3, "most_specific_header_mutations_wins", True),
            **self.mutations(0.2),
        )

    def manager(self) -> dict[str, Any]:
        ranges = [{"address_prefix": "10.0.0.0", "prefix_len": 8}, {"address_prefix": "127.0.0.0", "prefix_len": 8}]
        port = self.one({"strip_any_host_port": True}, {"strip_matching_host_port": True}, {}, {})
        actions = ("KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD")
        return manager_fields(
            table=self.table(),
            path_with_escaped_slashes_action=self.one(*actions),
            **port,
            **self.maybe(0.5, "use_remote_address", True),
            **self.maybe(0.2, "xff_num_trusted_hops", self.one(1, 2)),
            **self.maybe(0.2, "append_x_forwarded_port", True),
            **self.maybe(0.2, "via", "v"),
            **self.maybe(0.3, "internal_address_config", {"cidr_ranges": ranges}),
            **self.maybe(0.5, "normalize_path", True),
            **self.maybe(0.3, "merge_slashes", True),
            **self.maybe(0.4, "strip_trailing_host_dot", True),
            **self.maybe(0.2, "scheme_header_transformation", {"scheme_to_overwrite": self.one("http", "https")}),
            **self.maybe(0.2, "preserve_external_request_id", True),
            **self.maybe(0.2, "forward_client_cert_details", self.one("FORWARD_ONLY", "ALWAYS_FORWARD_ONLY")),
        )

    def request(self) -> Sent:
        method = self.one("GET", "GET", "GET", "DELETE", "TRACE", "HEAD", "FOO") if self.chance(0.3) else "GET"
        pieces = ("/", "//", "a", "b", ".", "..", "%2e", "%2F", "%41", "%c3", ";x", "\\", "~", "?q=1", "?r", "%", "A")
        path = "/" + "".join(self.some(0, 5, lambda: self.one(*pieces)))
        if self.chance(0.5):
            path = self.one("/", "/a", "/a/b", "/A/b", "/ab", "/x", "//a", "/a;v/b") + self.one("", "?q=a", "?q=1&r=ab")
        if self.chance(0.03):
            path = self.one("http://c.com/a?q=a", "*", "a", "/é", "/a#b")
        host = self.one(
            "a.com", "A.com", "a.com:80", "a.com:99", "x.a.com", "foo.", "b.com.", "[::1]:80", "", "u@a.com"
        )
        fields = (
            ("x-a", "a"),
            ("x-a", "1"),
            ("x-a", " ab "),
            ("x-b", "+3"),
            ("x-b", ""),
            ("x-c", "d"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "foo"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-for", "junk"),
            ("x-request-id", "id"),
            ("x-envoy-internal", "true"),
            ("x-envoy-upstream-rq-timeout-ms", "77"),
            ("x-envoy-decorator-operation", "z"),
            ("x-envoy-expected-rq-timeout-ms", "4"),
            ("x-forwarded-host", "old.com"),
            ("x-forwarded-client-cert", "q"),
            ("te", "trailers, gzip"),
            ("connection", "x-b, close"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", "1S"),
            ("cookie", "k=a; l=1"),
            ("accept", "1"),
        )
        return method, path, host if self.chance(0.97) else None, self.some(0, 4, lambda: self.one(*fields))


def as_bytes(sent: Sent) -> bytes:
    method, path, host, fields = sent
    named = [("Host", host), *fields] if host is not None else fields
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named), "", ""]
    return "\r\n".join(lines).encode()


def ours(fields: dict[str, Any], sent: Sent, port: int) -> Walked:
    method, path, host, lines = sent
    named: dict[str, tuple[str, ...]] = {}
    for name, value in lines:
        named[name] = (*named.get(name, ()), value)
    said = request(path, host=host, method=method, headers=named)
    accepted = connection(f"127.0.0.1:{port}", "127.0.0.1:5555")
    return walk(manager(**fields), said, accepted=accepted, owner=pod(address=OWN_ADDRESS))


def expected(walked: Walked, method: str) -> tuple[Any, ...]:
    if isinstance(walked.end, AtReturn):
        ending = walked.ending
        body = b"" if method == "HEAD" else (ending.body or "").encode()
        return "reply", ending.status, ending.location, body
    if walked.cluster not in CLUSTERS:
        via: Any = walked.end.via  # type: ignore[union-attr]
        return "reply", 200 if walked.sent.is_grpc() else via.cluster_not_found_status, None, b""
    sent = walked.sent
    fields = [("host", sent.authority or ""), *((name, value) for name in sent.headers for value in values(sent, name))]
    return "sent", f"{sent.method} {sent.path} HTTP/1.1", sorted(map(comparable, fields))


def values(sent: Any, name: str) -> tuple[str, ...]:
    return sent.headers[name] or ("?",)


def comparable(field: tuple[str, str]) -> tuple[str, str]:
    name, value = field[0], field[1].strip()
    if name == "x-request-id":
        return name, "?"
    if name == "x-forwarded-for":
        return name, ",".join(value.split(",")[:-1]) if "," in value else "?"
    return name, value


def observed(answer: Answer) -> tuple[Any, ...]:
    if not answer.echoed:
        return "reply", answer.status, answer.location, answer.body
    line, fields = answer.request()
    return "sent", line, sorted(map(comparable, fields))


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_requests(seed: int) -> None:
    generator = Generator(seed)
    managers = [generator.manager() for _ in range(MANAGERS)]
    with running(managers, CLUSTERS) as envoy:
        for number, fields in enumerate(managers):
            for sent in generator.some(REQUESTS, REQUESTS, generator.request):
                if sent[0] == "HEAD":
                    continue
                walked = ours(fields, sent, envoy.ports[number])
                answer = envoy.send(number, as_bytes(sent))
                assert observed(answer) == expected(walked, sent[0]), (fields, sent)
