"""jwt_authn where it surprises: what it takes from every request, what its rules pass over, the order it judges in."""

import json
from typing import Any

from tests.builders_http import TYPES, one_route
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import asked, get
from tests.truth.families._tokens import LATER, WRONG, claims, keys, token
from tests.truth.families.jwt import ONE, SHOW, bearing, filter_of, provider

EXTRACT: dict[str, Any] = {"extract_only_without_validation": {}}
LENIENT: dict[str, Any] = {"allow_missing_or_failed": {}}
TWO_SENT = token(claims(iss="two", sub="2"))


def _ruled(providers: dict[str, Any], requires: Any, **match: Any) -> dict[str, Any]:
    rule = {"match": {"prefix": "/", **match}} | ({} if requires is None else {"requires": requires})
    return filter_of(providers, rules=[rule])


def headers_of_providers() -> list[Case]:
    """Surprising: headers that a provider may set go from every request, whatever asks for tokens or forbids to."""
    providers = {
        "one": provider(forward_payload_header="x-pay"),
        "two": provider("two", claim_to_headers=[{"header_name": "x-two", "claim_name": "sub"}]),
    }
    forged = {"x_pay": "f", "x_two": ["f", "g"], "x_kept": "f"}
    said = [get(**forged), bearing(token(), **forged)]
    said.append(asked("OPTIONS", origin="o", access_control_request_method="GET", **forged))
    off = one_route(
        name="r",
        typed_per_filter_config={"jwt": {"@type": f"{TYPES}jwt_authn.v3.PerRouteConfig", "disabled": True}},
    )
    preflights = filter_of(providers, bypass_cors_preflight=True, rules=[{"match": {"prefix": "/"}, "requires": ONE}])
    return [
        (manager(filter_of(providers)), said),
        (manager(_ruled(providers, None)), said),
        (manager(_ruled(providers, ONE)), said),
        (manager(_ruled(providers, ONE), route=off), said),
        (manager(preflights), said),
        (manager(_ruled(providers, ONE, headers=[{"name": "x-two", "present_match": True}])), said),
    ]


def rules_without() -> list[Case]:
    """Surprising: of a rule's match only path, headers and query count; a share of 0 and a missing cookie do not."""
    never: list[dict[str, Any]] = [
        {"grpc": {}},
        {"runtime_fraction": {"default_value": {"numerator": 0}}},
        {"tls_context": {"presented": True}},
        {"cookies": [{"name": "k", "string_match": {"exact": "v"}}]},
        {"query_parameters": [{"name": "k"}]},
    ]
    return [(manager(_ruled({"one": provider()}, ONE, **each)), [get(), bearing(token())]) for each in never]


def without_validation() -> list[Case]:
    """Surprising: what extracts without validating validates all the same, and says `false` of the last bad token."""
    several = {
        "one": provider(failed_status_in_metadata="f", payload_in_metadata="p", audiences=["a"]),
        "two": provider("two", from_headers=[{"name": "x-two"}]),
    }
    good = token(claims(aud="a"))
    said = [get(), get(x_jwt_signature_verified="true"), bearing(good), bearing(good, x_two="x.y.z")]
    said += [bearing(text) for text in (token(), WRONG["expired"], WRONG["other issuer"], "x.y.z")]
    said += [bearing("x.y.z", x_two=TWO_SENT), get(x_two=TWO_SENT), bearing(token(), "/?access_token=x.y.z")]
    named = {"extract_only_without_validation": {"verification_status_header": "X-Ver"}}
    requires = (EXTRACT, named, LENIENT, {"requires_any": {"requirements": [ONE, EXTRACT]}})
    alone = {"one": several["one"]}
    return [(manager(_ruled(providers, each), SHOW), said) for providers in (several, alone) for each in requires]


def order_of_checks() -> list[Case]:
    """Surprising: the audience goes before the subject, and both after the times; lifetimes come last."""
    made = [
        claims(sub="no", aud="x"),
        claims(sub="no", aud="a"),
        claims(sub="no", aud="a", exp=5),
        {"iss": "one", "aud": "x"},
        {"iss": "one", "aud": "a", "sub": "me"},
        claims(aud="a"),
        claims(aud="http://https://a"),
        claims(aud="https://https://a/"),
    ]
    said = [bearing(token(each)) for each in made]
    fields: list[dict[str, Any]] = [
        {"subjects": {"exact": "me"}},
        {"require_expiration": True},
        {"max_lifetime": f"{LATER}s"},
    ]
    rows = [(manager(_ruled({"one": provider(audiences=["a"], **each)}, ONE)), said) for each in fields]
    early = {"choices": {"0/filter/jwt": "invalid"}}
    said = [{**bearing(token(claims(nbf=LATER, aud="x"))), **early}, {**bearing(token(claims(nbf=LATER))), **early}]
    return [*rows, (manager(_ruled({"one": provider(audiences=["a"])}, ONE)), said)]


def forms() -> list[Case]:
    """Surprising: dots too many are passed over; padding has to be whole; a bad key among good ones is left out."""
    head, payload, signature = token().split(".")
    padded = f"{head}.{payload}.{signature}"
    texts = [f"{padded}.", f"{padded}..", f".{padded}", f"{head}..{payload}.{signature}", f"{padded}.x"]
    texts += [f"{head}.{payload}.{signature}{'=' * count}" for count in range(4)]
    texts += [f"{head}.{payload}.AAAA{'=' * count}" for count in range(3)]
    texts += [token(header={"alg": "RS256"}), token(header={"alg": "EdDSA"})]
    bad = [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}, {"kty": "oct", "alg": "RS256", "k": "AA"}]
    mixed = json.dumps({"keys": [*bad, *json.loads(keys())["keys"]]})
    documents = (keys(), mixed, "")
    said = [bearing(text) for text in texts]
    return [
        (manager(_ruled({"one": {"issuer": "one", "local_jwks": {"inline_string": each}}}, ONE)), said)
        for each in documents
    ]


def claim_paths() -> list[Case]:
    """Surprising: a claim's name splits at its dots even where a claim has them; a path's segments may hold dots."""
    named = {
        "x-dotted": ["a.b"],
        "x-deep": ["o", "d"],
        "x-url": ["http://x/y", "r"],
        "x-list": ["l"],
        "x-no": ["o", "z"],
    }
    made = [{"header_name": name, "claim_path": [{"key": key} for key in path]} for name, path in named.items()]
    made.append({"header_name": "x-name", "claim_name": "a.b"})
    rich = claims(**{"a.b": "dotted", "a": {"b": "nested"}, "o": {"d": {"e": [1]}}, "http://x/y": {"r": "role"}})
    values: list[Any] = [["x"], "x", 7, -7, 1.5, True, None, {}, {"k": [1]}]
    said = [bearing(token({**rich, "l": value})) for value in values]
    said.append(bearing(token(claims(**{"a.b": "only"}))))
    return [(manager(_ruled({"one": provider(claim_to_headers=made)}, ONE)), said)]


TOKEN_EDGES = {
    "headers of providers": headers_of_providers,
    "matches of token rules": rules_without,
    "tokens without validation": without_validation,
    "order of token checks": order_of_checks,
    "forms of tokens": forms,
    "paths to claims": claim_paths,
}
