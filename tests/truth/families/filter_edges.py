"""HTTP filters at their edges: odd origins and Base64, what rules note, HEAD, answers where nothing is forwarded."""

from collections.abc import Iterator
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import ALWAYS, WORLD, abort, append, asked, get, mutation, per_route
from tests.truth.setting import Setting

ANYBODY = {"permissions": [{"any": True}], "principals": [{"any": True}]}
NOBODY = {"permissions": [{"not_rule": {"any": True}}], "principals": [{"any": True}]}


def settings() -> Iterator[Setting]:
    for name, cases in (
        ("odd origins", origins()),
        ("odd Base64", encoded()),
        ("what rules note", noted()),
        ("HEAD of gRPC", bodiless()),
        ("names of what rules note", named()),
        ("answers on routes that forward nothing", unforwarded()),
    ):
        yield Setting(
            name=name, dump=dump(cases), calls=calls(cases), configurations=len(cases), world=WORLD, marks=[name]
        )


def origins() -> list[Case]:
    """Surprising: an origin may name a user; one whose host is followed by `#` is no URL; nor is one with a space."""
    urls = [
        *("http://a.test#f", "http://a.test#", "http://a.test?x#f", "http://a.test/x#f", "//a.test", "://a.test"),
        *("http://u@a.test", "http://u:p@a.test/x", "HTTP://a.test", "http:a.test", "http:/a.test", "x://a.test"),
        *("http://a.test/ x", "http://a.te st", "http://a.test:", "http://a.test:99999", "a.test/x", "http://[::1]"),
    ]
    said = [asked("POST", origin=url) for url in urls] + [asked("POST", referer=url) for url in urls[:8]]
    said += [
        {**asked("POST", origin=url), "authority": host}
        for host in ("u@a.test", "a.test:80", "[::1]:80")
        for url in ("http://a.test", "http://u@a.test", "http://a.test:80", "http://[::1]:80")
    ]
    return [(manager(http_filter("csrf", "csrf.v3.CsrfPolicy", filter_enabled=ALWAYS)), said)]


def encoded() -> list[Case]:
    """Surprising: credentials need no padding, and bits that are left over make them unreadable."""
    users = {"inline_string": "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}
    tails = ("A==", "A=", "A", "B==", "A===", "", "A== ", "A==,x")
    said = [get(authorization=f"Basic dTpwYXNzd29yZ{tail}") for tail in tails]
    said += [get(authorization=f"Basic {text}") for text in ("dTo", "dTp", "=", "Og", "dTpwYX-_", " dTpwYXNzd29yZA==")]
    note: dict[str, Any] = {"metadata_namespace": "ns", "key": "k", "encode": "BASE64"}
    rules = [{"header": "x-h", "on_header_present": note}]
    show = mutation(request_mutations=[append("x-k", "%DYNAMIC_METADATA(ns:k)%")])
    values = [get(x_h=text) for text in ("dg==", "dg=", "dg", "dh==", "dmE=", "dmF=", "!", "dm E=")]
    return [
        (manager(http_filter("b", "basic_auth.v3.BasicAuth", users=users, forward_username_header="x-user")), said),
        (manager(http_filter("h", "header_to_metadata.v3.Config", request_rules=rules), show), values),
    ]


def noted() -> list[Case]:
    """Surprising: rules that let a request pass note so, whichever action they have; rules that log leave a hint."""
    show = mutation(
        request_mutations=[
            append("x-rules", "%DYNAMIC_METADATA(envoy.filters.http.rbac)%"),
            append("x-hint", "%DYNAMIC_METADATA(envoy.common)%"),
        ]
    )
    shadow = {"action": "DENY", "policies": {"s": ANYBODY}}
    return [
        (
            manager(http_filter("rbac", "rbac.v3.RBAC", rules={"action": action, "policies": policies}, **more), show),
            [get()],
        )
        for action in ("ALLOW", "DENY", "LOG")
        for policies in ({"p": ANYBODY}, {"p": NOBODY}, {})
        for more in ({}, {"rules_stat_prefix": "pre_"}, {"shadow_rules": shadow, "shadow_rules_stat_prefix": "dry_"})
    ]


def bodiless() -> list[Case]:
    """Surprising: the answer to a HEAD has a grpc-status and no grpc-message."""
    said = [asked(method, content_type="application/grpc") for method in ("HEAD", "POST", "OPTIONS")]
    refusing = http_filter("rbac", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}})
    tea = one_route(name="r", direct_response={"status": 418, "body": {"inline_string": "tea"}})
    dead = one_route(name="r", route={"cluster": "dead"})
    return [
        (manager(abort()), said),
        (manager(refusing), said),
        (manager(route=tea), said),
        (manager(route=dead), said),
    ]


def named() -> list[Case]:
    """Surprising: where a route's rules state no prefix, the filter's own stands before what they note."""
    show = mutation(request_mutations=[append("x-rules", "%DYNAMIC_METADATA(envoy.filters.http.rbac)%")])
    rules = {
        "rules": {"action": "ALLOW", "policies": {"p": ANYBODY}},
        "shadow_rules": {"action": "DENY", "policies": {"s": ANYBODY}},
    }
    enforced, shadow = "rules_stat_prefix", "shadow_rules_stat_prefix"
    own: list[dict[str, str]] = [{}, {enforced: "o_"}, {shadow: "os_"}, {enforced: "o_", shadow: "os_"}]
    routes: list[dict[str, str]] = [{}, {enforced: "r_"}, {shadow: "rs_"}, {enforced: "r_", shadow: "rs_"}]
    return [
        (
            manager(
                http_filter("rbac", "rbac.v3.RBAC", **rules, **each),
                show,
                route=per_route("rbac", "rbac.v3.RBACPerRoute", rbac={**rules, **of_route}),
            ),
            [get()],
        )
        for each in own
        for of_route in routes
    ]


def unforwarded() -> list[Case]:
    """Surprising: where a route answers or redirects by itself, a filter's answer has none of the headers it adds."""
    adds = {"response_headers_to_add": [{"header": {"key": "x-route", "value": "1"}}]}
    actions: list[dict[str, Any]] = [
        {"direct_response": {"status": 404}},
        {"redirect": {"path_redirect": "/x"}},
        {"route": {"cluster": "dead"}},
        {"non_forwarding_action": {}},
    ]
    limit = http_filter(
        "l",
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix="x",
        filter_enabled=ALWAYS,
        filter_enforced=ALWAYS,
        token_bucket={"max_tokens": 0, "fill_interval": "600s"},
    )
    refusing = http_filter("rbac", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}})
    return [
        (manager(each, route=one_route(name="r", **action, **adds)), [get(), get(content_type="application/grpc")])
        for action in actions
        for each in (abort(418), refusing, limit, mutation("idle"))
    ]
