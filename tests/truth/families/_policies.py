"""RBAC policies nobody wrote: near misses, nested groups, and the layout that Istio gives them."""

import random
from typing import Any

ACTION = "type.googleapis.com/envoy.config.rbac.v3.Action"
INPUTS = "type.googleapis.com/envoy.extensions.matching.common_inputs."
HEADER_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
TRUST = "spiffe://cluster.local"
NAMESPACES = ("default", "prod", "def")
ACCOUNTS = ("sleep", "sleepy", "default")
SOURCES = ("10.8.0.1", "10.8.0.77", "10.8.1.1", "10.9.0.1", "192.0.2.7")
RANGES = ("10.8.0.0/24", "10.8.0.0/16", "10.8.0.77/32", "10.0.0.0/8", "192.0.2.0/24", "0.0.0.0/0", "::/0")
PATHS = ("/", "/admin", "/admin/", "/admin/x", "/Admin", "/adminx", "/public", "/a;v=1/b", "/a/b", "/admin?x=/public")
METHODS = ("GET", "POST", "DELETE")
HEADERS: tuple[dict[str, Any], ...] = (
    {},
    {"x-user": "jason"},
    {"x-user": "Jason"},
    {"x-user": ["jason", "root"]},
    {"x-user": "", "x-level": "7"},
    {"x-level": "70"},
    {"x-forwarded-for": "10.9.0.9"},
    {"x-forwarded-for": "10.8.0.8, 192.0.2.9"},
)


def identities() -> list[str]:
    return [f"{TRUST}/ns/{space}/sa/{account}" for space in NAMESPACES[:2] for account in ACCOUNTS[:2]]


def _cidr(text: str) -> dict[str, Any]:
    ip, _, length = text.partition("/")
    return {"address_prefix": ip, "prefix_len": int(length)}


def _text(draw: random.Random, *values: str) -> dict[str, Any]:
    value = draw.choice(values)
    return draw.choice(
        (
            {"exact": value},
            {"exact": value.upper(), "ignore_case": True},
            {"prefix": value[: max(1, len(value) // 2)]},
            {"suffix": value[-max(1, len(value) // 2) :]},
            {"contains": value[1:-1] or value},
            {"safe_regex": {"regex": value.replace("/", "[/]") + "?"}},
        )
    )


def _header(draw: random.Random) -> dict[str, Any]:
    name, values = draw.choice(
        (
            ("x-user", ("jason", "root", "jaso")),
            (":method", METHODS),
            (":path", PATHS[1:]),
            (":authority", ("a.test", "a.test:80", "A.test")),
            ("x-level", ("7", "70")),
            ("x-absent", ("x",)),
        )
    )
    test: dict[str, Any] = draw.choice(
        ({"string_match": _text(draw, *values)}, {"present_match": draw.random() < 0.7}, {"range_match": {"end": "40"}})
    )
    made = {"name": name, **test}
    if draw.random() < 0.25:
        made["invert_match"] = True
    if draw.random() < 0.15:
        made["treat_missing_header_as_empty"] = True
    return made


def _metadata(draw: random.Random) -> dict[str, Any]:
    value: dict[str, Any] = draw.choice(
        (
            {"present_match": draw.random() < 0.5},
            {"string_match": {"prefix": "g"}},
            {"null_match": {}},
            {"list_match": {"one_of": {"bool_match": True}}},
            {"or_match": {"value_matchers": [{"bool_match": False}, {"double_match": {"exact": 1}}]}},
        )
    )
    made = {"filter": draw.choice(("istio_authn", "route.facts")), "path": [{"key": "tier"}], "value": value}
    if draw.random() < 0.3:
        made["invert"] = True
    return made


def _sourced(draw: random.Random) -> dict[str, Any]:
    value: dict[str, Any] = draw.choice(
        (
            {"string_match": _text(draw, "gold", "silver")},
            {"present_match": True},
            {"double_match": {"range": {"start": 1, "end": 5}}},
            {"bool_match": True},
            {"list_match": {"one_of": {"string_match": {"exact": "a"}}}},
            {"null_match": {}},
        )
    )
    key = draw.choice(("tier", "number", "flag", "list", "nothing", "absent"))
    matcher = {"filter": "route.facts", "path": [{"key": key}], "value": value}
    if draw.random() < 0.25:
        matcher["invert"] = True
    return {"metadata_matcher": matcher, "metadata_source": draw.choice(("ROUTE", "ROUTE", "DYNAMIC"))}


def permission(draw: random.Random, depth: int = 0, *, http: bool = True) -> dict[str, Any]:
    group = draw.random() if depth < 3 else 1
    if group < 0.45:
        kind = draw.choice(("and_rules", "or_rules", "not_rule"))
        if kind == "not_rule":
            return {kind: permission(draw, depth + 1, http=http)}
        return {kind: {"rules": [permission(draw, depth + 1, http=http) for _ in range(draw.randint(1, 3))]}}
    kinds = ["any", "destination_ip", "destination_port", "destination_port_range", "requested_server_name", "metadata"]
    kinds += ["header", "header", "url_path", "url_path", "sourced_metadata"] if http else ["url_path"]
    kind = draw.choice(kinds)
    value: Any = {
        "any": lambda: True,
        "destination_ip": lambda: _cidr(draw.choice(("10.93.0.0/24", "10.93.0.2/32", "10.94.0.0/16"))),
        "destination_port": lambda: draw.choice((20000, 20001, 20002, 80)),
        "destination_port_range": lambda: draw.choice(
            ({"start": 20000, "end": 20002}, {"start": 20002, "end": 20010}, {"start": 0, "end": 65536})
        ),
        "requested_server_name": lambda: _text(draw, "a.test", "b.test"),
        "metadata": lambda: _metadata(draw),
        "header": lambda: _header(draw),
        "url_path": lambda: {"path": _text(draw, *PATHS[1:])},
        "sourced_metadata": lambda: _sourced(draw),
    }[kind]()
    return {kind: value}


def principal(draw: random.Random, depth: int = 0, *, http: bool = True) -> dict[str, Any]:
    group = draw.random() if depth < 3 else 1
    if group < 0.4:
        kind = draw.choice(("and_ids", "or_ids", "not_id"))
        if kind == "not_id":
            return {kind: principal(draw, depth + 1, http=http)}
        return {kind: {"ids": [principal(draw, depth + 1, http=http) for _ in range(draw.randint(1, 3))]}}
    kinds = ["any", "source_ip", "direct_remote_ip", "remote_ip", "authenticated", "authenticated", "metadata"]
    kinds += ["header", "url_path"] if http else []
    kind = draw.choice(kinds)
    value: Any = {
        "any": lambda: True,
        "authenticated": lambda: {} if draw.random() < 0.2 else {"principal_name": _text(draw, *identities())},
        "metadata": lambda: _metadata(draw),
        "header": lambda: _header(draw),
        "url_path": lambda: {"path": _text(draw, *PATHS[1:])},
    }.get(kind, lambda: _cidr(draw.choice(RANGES)))()
    return {kind: value}


def rules(draw: random.Random, action: str, *, http: bool = True, most: int = 4) -> dict[str, Any]:
    """Names are not in the order in which they are written."""
    names = draw.sample(
        ("b", "a", "z-1", "A", "p q", "ns[default]-policy[p]-rule[0]", "ns[x]-policy[p]-rule[10]"), most
    )
    policies = {
        name: {
            "permissions": [permission(draw, http=http) for _ in range(draw.randint(1, 2))],
            "principals": [principal(draw, http=http) for _ in range(draw.randint(1, 2))],
        }
        for name in names[: draw.randint(0 if draw.random() < 0.15 else 1, most)]
    }
    return {"action": action, "policies": policies}


def matcher(draw: random.Random, *, http: bool = True) -> dict[str, Any]:
    """A matcher tree instead of policies."""

    def leads(name: str) -> dict[str, Any]:
        action = {"@type": ACTION, "name": name, "action": draw.choice(("ALLOW", "ALLOW", "DENY", "LOG"))}
        return {"action": {"name": "rbac", "typed_config": action}}

    def given(kind: str, **config: Any) -> dict[str, Any]:
        return {"name": kind, "typed_config": {"@type": INPUTS + kind, **config}}

    def asked() -> dict[str, Any]:
        what: list[tuple[dict[str, Any], dict[str, Any]]] = [
            (given("network.v3.SourceIPInput"), {"prefix": draw.choice(("10.8.0.", "10.", "192.0.2.7"))}),
            (given("network.v3.DestinationPortInput"), {"exact": str(draw.choice((20000, 20001, 20002)))}),
            (given("network.v3.ServerNameInput"), _text(draw, "a.test", "b.test")),
            (given("ssl.v3.UriSanInput"), _text(draw, *identities())),
        ]
        if http:
            header = {"@type": HEADER_INPUT, "header_name": draw.choice(("x-user", ":path", ":method", "x-absent"))}
            what += [({"name": "h", "typed_config": header}, _text(draw, "jason", "/admin", "GET", "jason,root"))] * 3
        asks, value = draw.choice(what)
        if "safe_regex" in value:
            value = {"safe_regex": {"google_re2": {}, **value["safe_regex"]}}
        return {"single_predicate": {"input": asks, "value_match": value}}

    rows = []
    for number in range(draw.randint(1, 4)):
        shape = draw.choice(("one", "one", "and_matcher", "or_matcher", "not_matcher"))
        predicate = asked()
        if shape == "not_matcher":
            predicate = {shape: predicate}
        elif shape != "one":
            predicate = {shape: {"predicate": [predicate, asked()]}}
        rows.append({"predicate": predicate, "on_match": leads(f"row {number}")})
    made: dict[str, Any] = {"matcher_list": {"matchers": rows}}
    if draw.random() < 0.5:
        made["on_no_match"] = leads("otherwise")
    return made


def istio_rules(draw: random.Random, action: str, count: int, *, http: bool = True) -> dict[str, Any]:
    """As istiod writes the rules of an AuthorizationPolicy: one group a rule, one group in it a field."""
    policies = {}
    for number in range(count):
        fields: list[dict[str, Any]] = []
        if http and draw.random() < 0.7:
            paths = [{"url_path": {"path": draw.choice(({"exact": "/admin"}, {"prefix": "/admin"}, {"suffix": "/x"}))}}]
            fields.append({"or_rules": {"rules": paths}})
        if http and draw.random() < 0.6:
            exact = [{"name": ":method", "string_match": {"exact": each}} for each in draw.sample(METHODS, 2)]
            methods: dict[str, Any] = {"or_rules": {"rules": [{"header": each} for each in exact]}}
            fields.append({"not_rule": methods} if draw.random() < 0.3 else methods)
        if draw.random() < 0.4:
            ports = [{"destination_port": port} for port in draw.sample((20000, 20001, 20002, 20003), 2)]
            fields.append({"or_rules": {"rules": ports}})
        who: list[dict[str, Any]] = []
        if draw.random() < 0.6:
            name = draw.choice(
                (
                    {"exact": draw.choice(identities())},
                    {"safe_regex": {"regex": ".*/ns/default/.*"}},
                    {"prefix": "spiffe://"},
                    {"suffix": "/sa/sleep"},
                )
            )
            found: dict[str, Any] = {"or_ids": {"ids": [{"authenticated": {"principal_name": name}}]}}
            who.append({"not_id": found} if draw.random() < 0.25 else found)
        if draw.random() < 0.5:
            kind = draw.choice(("direct_remote_ip", "remote_ip"))
            blocks = [{kind: _cidr(each)} for each in draw.sample(RANGES[:5], 2)]
            who.append({"or_ids": {"ids": blocks}})
        policies[f"ns[default]-policy[drawn-{action.lower()}]-rule[{number}]"] = {
            "permissions": [{"and_rules": {"rules": fields or [{"any": True}]}}],
            "principals": [{"and_ids": {"ids": who or [{"any": True}]}}],
        }
    return {"action": action, "policies": policies}
