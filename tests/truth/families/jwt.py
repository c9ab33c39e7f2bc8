"""jwt_authn: tokens of every form, requirements of every shape, and what good tokens leave behind."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from tests.builders_http import http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, append, asked, get, mutation, per_route
from tests.truth.families._tokens import FINE, WRONG, claims, keys, token
from tests.truth.setting import Setting

ONE = {"provider_name": "one"}
TWO = {"provider_name": "two"}
SHOW = mutation(request_mutations=[append("x-noted", "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%")])


def settings() -> Iterator[Setting]:
    for name, make in GROUPS.items():
        cases = make()
        yield Setting(
            name=name, dump=dump(cases), calls=calls(cases), configurations=len(cases), world=WORLD, marks=[name]
        )


def provider(issuer: str = "one", **fields: Any) -> dict[str, Any]:
    return {"issuer": issuer, "local_jwks": {"inline_string": keys()}, **fields}


def filter_of(providers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return http_filter("jwt", "jwt_authn.v3.JwtAuthentication", providers=providers, **fields)


def needing(requires: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """One provider and one rule for every path."""
    return filter_of({"one": provider(**fields)}, rules=[{"match": {"prefix": "/"}, "requires": requires}])


def bearing(text: str, path: str = "/", **headers: str) -> dict[str, Any]:
    return get(path, authorization=f"Bearer {text}", **headers)


def tokens() -> list[Case]:
    said = [bearing(text) for text in (*FINE.values(), *WRONG.values())]
    said += [
        get("/p?q=1"),
        get(authorization="Basic x"),
        get(authorization="Bearer"),
        get(authorization=f"bearer {token()}"),
        get(authorization=f"x Bearer {token()}"),
        get(f"/?access_token={token()}&a=%41"),
        bearing(token(), "/?access_token=bad"),
        bearing("bad", f"/?access_token={token()}"),
        bearing(WRONG["expired"], "/?access_token=bad"),
        get(authorization=[f"Bearer {token()}", "Bearer x.y.z"]),
        asked("POST", content_type="application/grpc"),
        asked("POST", content_type="application/grpc", authorization="Bearer x.y.z"),
    ]
    fields = {"payload_in_metadata": "payload", "header_in_metadata": "header"}
    return [
        (manager(needing(ONE, **fields), SHOW), said),
        (manager(needing(ONE, failed_status_in_metadata="failed", forward=True), SHOW), said),
        (manager(needing({"requires_any": {"requirements": [ONE, {"allow_missing": {}}]}}), SHOW), said),
        (
            manager(
                needing(
                    {"requires_any": {"requirements": [ONE, {"allow_missing_or_failed": {}}]}},
                    failed_status_in_metadata="failed",
                    **fields,
                ),
                SHOW,
            ),
            said,
        ),
        (manager(needing({"allow_missing": {}}, **fields), SHOW), said),
        (manager(needing({"allow_missing_or_failed": {}}, **fields), SHOW), said),
    ]


def audiences() -> list[Case]:
    said = [bearing(token())]
    said += [
        bearing(token(claims(aud=value)))
        for value in ("a", ["x", "a"], "b", "https://a/", "http://b/", "ax", [], ["z"], "https://b")
    ]
    asks: list[Any] = [ONE, {"provider_and_audiences": {"provider_name": "one", "audiences": ["z"]}}]
    return [(manager(needing(each, audiences=["a", "https://b"])), said) for each in asks]


def combinations() -> list[Case]:
    """Two providers that look in different places; every pair of what each finds."""
    seen = [
        None,
        token(claims(iss="zzz")),
        "x.y.z",
        "bad",
        WRONG["expired"],
        WRONG["other secret"],
        token(),
        token(claims(iss="two")),
    ]
    said = [
        get(
            **({} if first is None else {"authorization": f"Bearer {first}"}),
            **({} if second is None else {"x_two": second}),
        )
        for first, second in product(seen, seen)
    ]
    either = {"requires_any": {"requirements": [ONE, TWO]}}
    missing: dict[str, Any] = {"allow_missing": {}}
    optional = [{"requires_any": {"requirements": [each, missing]}} for each in (ONE, TWO)]
    providers = {"one": provider(), "two": provider("two", from_headers=[{"name": "x-two"}])}
    return [
        (manager(filter_of(providers, rules=[{"match": {"prefix": "/"}, "requires": each}])), said)
        for each in (
            either,
            {"requires_all": {"requirements": [ONE, TWO]}},
            {"requires_any": {"requirements": [ONE, TWO, missing]}},
            {"requires_all": {"requirements": optional}},
            {"requires_any": {"requirements": [either, missing]}},
            {"requires_any": {"requirements": [ONE, {"allow_missing_or_failed": {}}]}},
            missing,
        )
    ]


def rules() -> list[Case]:
    held: dict[str, Any] = {
        "rules": [
            {"match": {"path": "/open"}},
            {"match": {"prefix": "/h", "headers": [{"name": "x", "present_match": True}]}, "requires": ONE},
            {"match": {"prefix": "/n"}, "requirement_name": "named"},
            {"match": {"safe_regex": {"regex": "/r[0-9]+"}}, "requires": ONE},
        ],
        "requirement_map": {"named": ONE, "lax": {"allow_missing": {}}},
    }
    said = [
        made
        for path in ("/open", "/open?x", "/h", "/n", "/r12", "/r", "/other")
        for made in (get(path), get(path, x="1"), bearing(token(), path), bearing("bad", path))
    ]
    kind = "jwt_authn.v3.PerRouteConfig"
    levels: list[dict[str, Any]] = [
        {"requirement_name": "named"},
        {"requirement_name": "unknown"},
        {"requirement_name": "lax"},
        {"disabled": True},
    ]
    made = [
        (
            manager(
                filter_of({"one": provider()}, **held),
                route=one_route(name="r") if level is None else per_route("jwt", kind, **level),
            ),
            said,
        )
        for level in levels
    ]
    bypass = filter_of(
        {"one": provider()},
        bypass_cors_preflight=True,
        strip_failure_response=True,
        rules=[{"match": {"prefix": "/"}, "requires": ONE}],
    )
    preflights = [
        asked("OPTIONS", origin="o", access_control_request_method="GET"),
        asked("OPTIONS", origin="o"),
        asked("OPTIONS"),
        get(),
        bearing("bad"),
    ]
    return [*made, (manager(bypass), preflights)]


def leavings() -> list[Case]:
    odd = {
        "a": {"b": "deep", "n": 7},
        "n": 5,
        "neg": -5,
        "f": 1.5,
        "t": True,
        "no": False,
        "l": ["x", "y"],
        "o": {"k": 1},
    }
    rich = token(claims(**odd, e="", scope="a b"))
    names = ("sub", "a.b", "a.n", "n", "neg", "f", "t", "no", "l", "o", "e", "none", "scope")
    headers = [{"header_name": f"x-{name.replace('.', '-')}", "claim_name": name} for name in names]
    said = [
        bearing(rich),
        bearing(rich, x_sub="forged", x_payload="forged"),
        get(x_sub="forged"),
        bearing("bad", x_sub="forged"),
    ]
    lax = {"requires_any": {"requirements": [ONE, {"allow_missing_or_failed": {}}]}}
    cases: list[Case] = [
        (manager(needing(asks, claim_to_headers=headers, forward_payload_header="x-payload", **fields), SHOW), said)
        for asks in (ONE, lax)
        for fields in (
            {"forward": True},
            {"pad_forward_payload_header": True},
            {"payload_in_metadata": "p", "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]}},
        )
    ]
    places = {"from_headers": [{"name": "x-jwt", "value_prefix": "jwt_"}], "from_params": ["t"], "from_cookies": ["ck"]}
    good = token()
    cases.append(
        (
            manager(needing(ONE, **places)),
            [
                bearing(good),
                get(x_jwt=f"jwt_{good}"),
                get(x_jwt=good),
                get(f"/?t={good}&u=1"),
                get(cookie=f"a=1; ck={good}"),
                get(x_jwt=f"jwt_{good}", cookie="ck=bad"),
                get(f"/?t={good}", cookie=f"ck={good}"),
            ],
        )
    )
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    mine = {"prefix": "/", "headers": [{"name": "x-sub", "string_match": {"exact": "me"}}]}
    never = {"prefix": "/", "headers": [{"name": "x-n", "present_match": True}]}
    table = table_fields(
        virtual_host(
            one_route(mine, name="again", route={"cluster": "d"}),
            one_route(never, name="never", direct_response={"status": 418}),
            one_route({"prefix": "/p"}, name="first", typed_per_filter_config={"fault": off}),
            one_route(name="rest"),
        )
    )
    whole = {"numerator": 100}
    abort = {"http_status": 429, "percentage": whole}
    late = http_filter("fault", "fault.v3.HTTPFault", abort=abort, headers=[{"name": "x-fault"}])
    said = [bearing(good, path, **more) for path in ("/", "/p") for more in ({}, {"x_fault": "1"})]
    said.append(get(x_sub="me"))
    for clear in (False, True):
        jwt = needing(ONE, clear_route_cache=clear, claim_to_headers=headers[:1])
        cases.append((manager(jwt, late, table=table), said))
    strict = needing(ONE, subjects={"prefix": "m"}, require_expiration=True)
    others = [token(claims(sub="you")), token({"iss": "one", "sub": "me"})]
    cases.append((manager(strict), [bearing(each) for each in (good, *others)]))
    keyed = {"one": {"local_jwks": {"inline_string": keys()}}}
    anyone = filter_of(keyed, rules=[{"match": {"prefix": "/"}, "requires": ONE}])
    cases.append((manager(anyone), [bearing(each) for each in (good, WRONG["other issuer"], WRONG["no issuer"])]))
    return cases


def by_filter_state() -> list[Case]:
    """What is needed by a text that another filter wrote, where no rule and no route says what is."""
    needs = {"name": "k", "requires": {"one": ONE, "two": TWO, "either": {"allow_missing": {}}, "": ONE, "none": {}}}
    providers = {"one": provider(), "two": provider("two")}
    good, other = token(), token(claims(iss="two"))
    said = [
        get("/p" if text is None else "/", **({} if text is None else {"authorization": f"Bearer {text}"}), **state)
        for text in (None, good, other, WRONG["expired"])
        for state in ({}, *({"x_k": each} for each in ("one", "two", "either", "none", "", "else")))
    ]
    return [
        (manager(*filters, filter_of(providers, filter_state_rules=needs, **fields), SHOW, route=route), said)
        for filters, fields, route in (
            ([_state("k")], {}, None),
            ([], {}, None),
            ([_state("q")], {}, None),
            ([_state("k", "envoy.hashable_string")], {}, None),
            ([_state("k", "envoy.network.application_protocols")], {}, None),
            ([_state("k", skip_if_empty=True)], {}, None),
            ([_state("k")], {"rules": [{"match": {"prefix": "/p"}, "requires": ONE}]}, None),
            (
                [_state("k")],
                {"rules": [{"match": {"prefix": "/p"}}, {"match": {"prefix": "/"}, "requires": TWO}]},
                None,
            ),
            ([_state("k")], {"requirement_map": {"m": TWO}}, per_route("jwt", PER_ROUTE, requirement_name="m")),
            ([_state("k")], {}, per_route("jwt", PER_ROUTE, disabled=True)),
        )
    ]


PER_ROUTE = "jwt_authn.v3.PerRouteConfig"


def _state(key: str, factory: str = "envoy.string", **fields: Any) -> dict[str, Any]:
    formatted = {"text_format_source": {"inline_string": "%REQ(x-k)%"}, "omit_empty_values": True}
    entry = {"object_key": key, "factory_key": factory, "format_string": formatted, **fields}
    return http_filter("writes", "set_filter_state.v3.Config", on_request_headers=[entry])


def signatures() -> list[Case]:
    """Tokens that were signed once, by keys of every kind; only the public halves of those keys are kept."""
    kept = json.loads(Path(__file__).with_name("_signed_tokens.json").read_text())
    genuine = kept["tokens"]
    said = [bearing(text) for text in genuine.values()]
    said += [bearing(text[:-8] + "AAAAAAAA") for text in genuine.values()]
    said += [bearing(f"{text.rpartition('.')[0]}.AAAA") for text in genuine.values()]
    others = list(genuine.values())[1:] + list(genuine.values())[:1]
    mixed = zip(genuine.values(), others, strict=True)
    said += [bearing(f"{one.rpartition('.')[0]}.{other.rpartition('.')[2]}") for one, other in mixed]
    without_ids = [{name: value for name, value in key.items() if name != "kid"} for key in kept["keys"]]
    documents: list[Any] = [
        kept["keys"],
        without_ids,
        kept["keys"][:1],
        kept["keys"][1:2],
        [{**kept["keys"][0], "alg": "RS256"}],
    ]
    documents += [without_ids[::-1], json.loads(keys(kid="", alg=""))["keys"]]
    providers = [{"issuer": "one", "local_jwks": {"inline_string": json.dumps({"keys": each})}} for each in documents]
    rule = [{"match": {"prefix": "/"}, "requires": ONE}]
    return [(manager(filter_of({"one": each}, rules=rule), SHOW), said) for each in providers]


GROUPS = {
    "tokens": tokens,
    "audiences": audiences,
    "combinations": combinations,
    "rules": rules,
    "what tokens leave": leavings,
    "signatures": signatures,
    "jwt by filter state": by_filter_state,
}
