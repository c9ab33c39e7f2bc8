"""What redirects are followed for: answers that lead somewhere, routes and managers that follow them or do not."""

from collections.abc import Mapping
from typing import Any

from tests.truth.families._shapes import TYPES, filter_of

HOST = "10.94.0.1"
PREDICATES = TYPES + "internal_redirect."


def _answer(status: int, location: str | None, **headers: Any) -> dict[str, Any]:
    """A response with any Location at all."""
    added = [_header(name.replace("_", "-"), each) for name, values in headers.items() for each in values]
    fields: dict[str, Any] = {"direct_response": {"status": status, "body": {"inline_string": "moved"}}}
    if location is None:
        fields["response_headers_to_remove"] = ["location"]
    else:
        added.append({**_header("location", location), "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"})
    return {**fields, "response_headers_to_add": added}


def _header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}}


def _to(path: str, code: str = "FOUND", **fields: Any) -> dict[str, Any]:
    return {"redirect": {"path_redirect": path, "response_code": code, **fields}}


ANSWERS: dict[str, dict[str, Any]] = {
    "dest": _to("/dest?q=1", host_redirect="new.test"),
    "same host": _to("/dest"),
    "301": _to("/dest", "MOVED_PERMANENTLY"),
    "303": _to("/dest", "SEE_OTHER"),
    "307": _to("/dest", "TEMPORARY_REDIRECT"),
    "308": _to("/dest", "PERMANENT_REDIRECT"),
    "https": _to("/dest", https_redirect=True),
    "http": _to("/dest", scheme_redirect="http"),
    "port": _to("/dest", host_redirect="new.test", port_redirect=8443),
    "fragment": _answer(302, "http://new.test/dest#part"),
    "query only": _answer(302, "http://new.test?x=/dest"),
    "host only": _answer(302, "http://new.test"),
    "user": _answer(302, "http://me:pass@new.test/dest"),
    "dots": _answer(302, "http://new.test/a/../dest"),
    "slashes": _answer(302, "http://new.test//dest"),
    "escaped slash": _answer(302, "http://new.test/%%2Fdest"),
    "dot": _answer(302, "http://new.test./dest"),
    "upper": _answer(302, "HTTP://NEW.TEST/dest"),
    "other scheme": _answer(302, "ftp://new.test/dest"),
    "bad host": _answer(302, "http://new_test/dest"),
    "bad port": _answer(302, "http://new.test:99999/dest"),
    "relative": _answer(302, "/dest"),
    "relative name": _answer(302, "dest"),
    "no scheme": _answer(302, "//new.test/dest"),
    "empty": _answer(302, ""),
    "none": _answer(302, None),
    "nowhere": _to("/nowhere"),
    "direct": _to("/direct"),
    "moved": _to("/moved"),
    "no cluster": _to("/gone"),
    "far": _to("/far"),
    "again": _to("/p/again"),
    "other": _to("/q/again"),
    "copied": _answer(302, "http://new.test/dest", x_copy=["one", "two"], x_other=["three"]),
    "200": _answer(200, "http://new.test/dest"),
    "300": _answer(300, "http://new.test/dest"),
    "304": _answer(304, "http://new.test/dest"),
    "503": _answer(503, "http://new.test/dest"),
}
TARGETS: list[dict[str, Any]] = [
    {"name": "dest", "match": {"path": "/dest"}, "route": {"cluster": "app"}},
    {
        "name": "direct",
        "match": {"path": "/direct"},
        "direct_response": {"status": 201, "body": {"inline_string": "x"}},
    },
    {"name": "moved", "match": {"path": "/moved"}, "redirect": {"host_redirect": "away.test"}},
    {"name": "gone", "match": {"path": "/gone"}, "route": {"cluster": "nowhere"}},
    {"name": "far", "match": {"path": "/far"}, "route": {"cluster": "far"}},
    {
        "name": "copied",
        "match": {"path": "/", "headers": [{"name": "x-copy", "present_match": True}]},
        "route": {"cluster": "app"},
    },
]


def follows(policy: Mapping[str, Any] | None, **fields: Any) -> dict[str, Any]:
    inside = {} if policy is None else {"internal_redirect_policy": policy}
    return {"name": "p", "match": {"prefix": "/p"}, "route": {"cluster": "far", **inside, **fields}}


def _predicate(kind: str, **fields: Any) -> dict[str, Any]:
    short = "".join(f"_{each.lower()}" if each.isupper() else each for each in kind).strip("_")
    return {"name": short, "typed_config": {"@type": f"{PREDICATES}{short}.v3.{kind}Config", **fields}}


PREVIOUS, SAFE = _predicate("PreviousRoutes"), _predicate("SafeCrossScheme")
ALL_CODES = {"redirect_response_codes": [301, 302, 303, 307, 308]}


def _allowed(*names: str) -> dict[str, Any]:
    return _predicate("AllowListedRoutes", allowed_route_names=list(names))


TABLES: dict[str, list[dict[str, Any]]] = {
    "empty policy": [follows({})],
    "no policy": [follows(None)],
    "older action": [follows(None, internal_redirect_action="HANDLE_INTERNAL_REDIRECT")],
    "older action passed through": [follows(None, internal_redirect_action="PASS_THROUGH_INTERNAL_REDIRECT")],
    "none allowed": [follows({"max_internal_redirects": 0})],
    "two allowed": [follows({"max_internal_redirects": 2})],
    "five allowed": [follows({"max_internal_redirects": 5, "allow_cross_scheme_redirect": True})],
    "every code": [follows(ALL_CODES)],
    "codes that are none": [follows({"redirect_response_codes": [200, 503]})],
    "any scheme": [follows({"allow_cross_scheme_redirect": True})],
    "safe scheme": [follows({"allow_cross_scheme_redirect": True, "predicates": [SAFE]})],
    "each route once": [follows({"max_internal_redirects": 6, "predicates": [PREVIOUS]})],
    "two that send to each other": [
        follows({"max_internal_redirects": 6, "predicates": [PREVIOUS]}),
        {
            **follows({"max_internal_redirects": 3, "predicates": [PREVIOUS]}),
            "name": "q",
            "match": {"prefix": "/q"},
        },
    ],
    "listed": [follows({"predicates": [_allowed("dest", "moved")]})],
    "listed once": [follows({"max_internal_redirects": 6, "predicates": [_allowed("p", "dest"), PREVIOUS]})],
    "copied headers": [follows({"response_headers_to_copy": ["x-copy", "X-Other", "x-absent"]})],
    "rewritten": [
        {
            **follows(ALL_CODES, prefix_rewrite="/rewritten", host_rewrite_literal="inner.test"),
            "request_headers_to_add": [_header("x-path", "%REQ(:path)%"), _header("x-twice", "yes")],
            "response_headers_to_add": [_header("x-back", "%RESPONSE_CODE_DETAILS%")],
        }
    ],
    "mirrored": [follows({}, request_mirror_policies=[{"cluster": "app"}])],
    "tried again": [
        follows(
            ALL_CODES,
            cluster="second",
            retry_policy={
                "retry_on": "connect-failure",
                "retry_back_off": {"base_interval": "0.001s"},
                "retry_priority": {
                    "name": "envoy.retry_priorities.previous_priorities",
                    "typed_config": {
                        "@type": f"{TYPES}retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                        "update_frequency": 1,
                    },
                },
            },
        )
    ],
    "named by endpoints": [follows(ALL_CODES, cluster="named", auto_host_rewrite=True, append_x_forwarded_host=True)],
}
MANAGERS: dict[str, dict[str, Any]] = {
    "normalising": {
        "normalize_path": True,
        "merge_slashes": True,
        "strip_any_host_port": True,
        "strip_trailing_host_dot": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    },
    "unescaping": {
        "normalize_path": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
    },
    "at the edge": {"use_remote_address": True, "xff_num_trusted_hops": 1, "via": "here"},
    "plain": {"server_name": "other"},
}
FILTERS: dict[str, list[dict[str, Any]]] = {
    "refusing": [
        filter_of(
            "http",
            "rbac.v3.RBAC",
            rules={
                "action": "DENY",
                "policies": {
                    "new": {
                        "permissions": [{"header": {"name": ":authority", "string_match": {"exact": "new.test"}}}],
                        "principals": [{"any": True}],
                    }
                },
            },
        )
    ],
    "writing": [
        filter_of(
            "http",
            "header_mutation.v3.HeaderMutation",
            mutations={
                "request_mutations": [{"append": _header("x-pass", "%REQ(:path)%")}],
                "response_mutations": [{"append": _header("x-way-back", "%REQ(:path)%")}],
            },
        )
    ],
    "delaying none": [
        filter_of(
            "http",
            "fault.v3.HTTPFault",
            abort={"http_status": 418, "percentage": {"numerator": 100}},
            headers=[{"name": "x-envoy-original-url", "present_match": True}],
        )
    ],
}
HOSTS = [
    {"name": "a", "domains": ["a.test"], "routes": [follows({}), *TARGETS]},
    {"name": "new", "domains": ["new.test"], "routes": [{**TARGETS[0], "name": "at new"}]},
    {
        "name": "port",
        "domains": ["new.test:8443"],
        "routes": [{**TARGETS[1], "match": {"prefix": "/"}, "name": "at port"}],
    },
    {"name": "b", "domains": ["b.test"], "require_tls": "ALL", "routes": [follows({}), *TARGETS]},
]
STRONGER = ("dest", "same host", "https", "again", "303", "none", "far", "503")
"""Answers for variations that are about something else."""
