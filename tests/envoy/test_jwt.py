"""Tokens and keys: what their text says, who signed them, and what stays in doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.envoy.jwt.keys import Key, parse_keys, problem_with_signature
from meshsim.envoy.jwt.tokens import CODES, FAILS, NO_MATCHING_KEY, Jwt, decoded, normal_audience, parse
from meshsim.errors import Rejected
from tests.builders_http import (
    ROUTER,
    Walked,
    http_filter,
    manager,
    one_route,
    request,
    table_fields,
    virtual_host,
    walk,
)
from tests.truth.families._tokens import FINE, LATER, WRONG, claims, keys, token

SIGNED = json.loads((Path(__file__).parents[1] / "truth/families/_signed_tokens.json").read_text())


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_good_tokens_are_read(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Jwt)
    assert found.issuer == "one"
    assert problem_with_signature(found, _parsed(keys())) is False


def _parsed(text: str) -> tuple[Key, ...]:
    found = parse_keys(text)
    assert not isinstance(found, str), found
    return found


def test_what_is_wrong_with_a_form_has_a_number() -> None:
    problems = {problem for text in WRONG.values() if isinstance(problem := parse(text), str)}
    assert len(problems) > 15
    assert problems <= set(CODES)


@given(st.text(max_size=60) | st.lists(st.text("eyJ9._-= \x00é{}[]", max_size=20), max_size=4).map(".".join))
def test_any_text_is_a_token_or_a_known_problem(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Jwt) or found in CODES


@given(st.binary(max_size=40), st.integers(0, 4))
def test_base64url_is_read_back_without_padding_or_with_all_of_it(data: bytes, padding: int) -> None:
    import base64

    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    whole = padding in (0, -len(text) % 4)
    assert decoded(text + "=" * padding) == (data if whole else None)


def test_deep_json_is_no_json() -> None:
    deep = token(b"[" * 20_000)
    assert parse(deep) == "Jwt payload is an invalid JSON"


@pytest.mark.parametrize("algorithm", SIGNED["tokens"])
def test_keys_of_every_kind_verify(algorithm: str) -> None:
    pytest.importorskip("cryptography")
    made = _parsed(json.dumps({"keys": SIGNED["keys"]}))
    assert made is not None
    good = parse(SIGNED["tokens"][algorithm])
    forged = parse(SIGNED["tokens"][algorithm][:-8] + "AAAAAAAA")
    assert isinstance(good, Jwt)
    assert isinstance(forged, Jwt)
    assert problem_with_signature(good, made) is False
    assert problem_with_signature(forged, made) == FAILS


def test_a_key_of_another_name_does_not_count() -> None:
    found = parse(token())
    assert isinstance(found, Jwt)
    assert problem_with_signature(found, _parsed(keys(kid="z"))) == NO_MATCHING_KEY


def test_audiences_are_compared_without_scheme_and_slash() -> None:
    assert {normal_audience(text) for text in ("a", "a/", "http://a", "https://a/")} == {"a"}


def through(provider: dict[str, Any], text: str | None, *, pins: dict[str, str] | None = None, **fields: Any) -> Walked:
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}
    jwt = http_filter("jwt", "jwt_authn.v3.JwtAuthentication", providers={"p": provider}, rules=[rule])
    headers = {"authorization": (f"Bearer {text}",)} if text is not None else {}
    hcm = manager(*fields.pop("routes", (one_route(name="r"),)), http_filters=[jwt, ROUTER], **fields)
    return walk(hcm, request(headers=headers), pins=pins)


LOCAL = {"issuer": "one", "local_jwks": {"inline_string": keys()}}
REMOTE = {"issuer": "one", "remote_jwks": {"http_uri": {"uri": "https://k/", "cluster": "k", "timeout": "1s"}}}


@pytest.mark.parametrize(("provider", "doubt"), [(LOCAL, "time"), (REMOTE, "time and signature")])
def test_what_nobody_can_say_is_assumed_good(provider: dict[str, Any], doubt: str) -> None:
    walked = through(provider, token(claims(exp=LATER)))
    assert walked.cluster == "c"
    assert [(reason.code, dict(reason.facts)["doubts"]) for reason in walked.chooser.assumptions] == [
        ("filter.jwt-doubt", doubt)
    ]
    refused = through(provider, token(claims(exp=LATER)), pins={"0/filter/jwt": "invalid"})
    assert refused.ending.status == 401


def test_a_token_without_expiry_and_with_local_keys_leaves_no_doubt() -> None:
    assert not through(LOCAL, token({"iss": "one"})).chooser.taken


@pytest.mark.parametrize(("text", "problem"), [(None, "Jwt is missing"), (WRONG["expired"], "Jwt is expired")])
def test_what_is_wrong_whatever_the_keys_are(text: str | None, problem: str) -> None:
    walked = through(REMOTE, text)
    assert walked.ending.body == problem
    assert not walked.chooser.taken


def test_a_cleared_route_is_chosen_again() -> None:
    mine = {"prefix": "/", "headers": [{"name": "x-sub", "string_match": {"exact": "me"}}]}
    routes = (one_route(mine, name="mine", route={"cluster": "d"}), one_route(name="rest"))
    provider = {**LOCAL, "claim_to_headers": [{"header_name": "x-sub", "claim_name": "sub"}]}
    text = token({"iss": "one", "sub": "me"})
    assert through(provider, text, routes=routes).cluster == "c"
    again = through({**provider, "clear_route_cache": True}, text, routes=routes)
    assert again.cluster == "d"
    assert again.hop.route == "mine"
    nowhere = through(
        {**provider, "clear_route_cache": True},
        text,
        routes=(one_route({"prefix": "/", "headers": [{"name": "x-sub", "present_match": False}]}, name="gone"),),
    )
    assert nowhere.ending.response_code_details == "route_not_found"
    assert nowhere.hop.route is None


def test_the_random_value_stays_when_the_route_is_chosen_again() -> None:
    half = {"default_value": {"numerator": 50}}
    routes = (
        one_route({"prefix": "/", "runtime_fraction": half}, name="half", route={"cluster": "d"}),
        one_route(name="rest"),
    )
    table = table_fields(virtual_host(*routes))
    provider = {**LOCAL, "clear_route_cache": True, "payload_in_metadata": "p"}
    walked = through(provider, token({"iss": "one"}), table=table)
    assert [taken.share for taken in walked.chooser.taken][1:] == [1]
    assert walked.chooser.taken[0].index == walked.chooser.taken[1].index


@pytest.mark.parametrize(
    "fields",
    [
        {"providers": {"p": {"local_jwks": {"inline_string": "{}"}}}},
        {"providers": {"p": LOCAL}, "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "q"}}]},
    ],
)
def test_what_envoy_refuses_is_refused(fields: dict[str, Any]) -> None:
    hcm = manager(one_route(), http_filters=[http_filter("jwt", "jwt_authn.v3.JwtAuthentication", **fields), ROUTER])
    with pytest.raises(Rejected):
        walk(hcm, request())


def by_state(*filters: dict[str, Any], pins: dict[str, str] | None = None, **fields: Any) -> Walked:
    needs = {"name": "k", "requires": {"strict": {"provider_name": "p"}, "lax": {"allow_missing": {}}}}
    kind = "jwt_authn.v3.JwtAuthentication"
    jwt = http_filter("jwt", kind, providers={"p": LOCAL}, filter_state_rules=needs, **fields)
    return walk(manager(one_route(name="r"), http_filters=[*filters, jwt, ROUTER]), request(), pins=pins)


def writing(text: str, factory: str = "envoy.string") -> dict[str, Any]:
    entry = {
        "object_key": "k",
        "factory_key": factory,
        "format_string": {"text_format_source": {"inline_string": text}},
    }
    return http_filter("writes", "set_filter_state.v3.Config", on_request_headers=[entry])


@pytest.mark.parametrize("factory", ["envoy.string", "envoy.hashable_string"])
def test_filter_state_names_what_is_needed(factory: str) -> None:
    assert by_state(writing("strict", factory)).ending.status == 401
    assert by_state(writing("lax", factory)).cluster == "c"
    assert by_state(writing("other", factory)).cluster == "c"


def test_only_texts_of_the_filter_state_count() -> None:
    assert by_state(writing("strict", "envoy.network.application_protocols")).cluster == "c"


def test_rules_come_before_the_filter_state() -> None:
    every = {"match": {"prefix": "/"}}
    assert by_state(writing("strict"), rules=[every]).cluster == "c"
    assert by_state(writing("strict"), rules=[{"match": {"prefix": "/x"}}]).ending.status == 401


def test_filter_state_that_another_filter_may_have_written_is_an_assumption() -> None:
    assert not by_state().chooser.assumptions
    lua = http_filter("lua", "lua.v3.Lua")
    assumed = by_state(lua)
    assert assumed.cluster == "c"
    assert [reason.code for reason in assumed.chooser.assumptions] == ["filter.opaque", "filter.jwt-state-open"]
    assert by_state(lua, pins={"0/filter/jwt": "strict"}).ending.status == 401


def test_filter_state_rules_need_a_name() -> None:
    nameless = {"requires": {"a": {"provider_name": "p"}}}
    jwt = http_filter("j", "jwt_authn.v3.JwtAuthentication", providers={"p": LOCAL}, filter_state_rules=nameless)
    with pytest.raises(Rejected):
        walk(manager(one_route(), http_filters=[jwt, ROUTER]), request())
