"""Spellings and value forms of protobuf's JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.config import protojson
from meshsim.config.legacy import EXTENSION_TYPES

field_names = st.from_regex(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*){0,4}", fullmatch=True)


@given(field_names)
def test_spellings_agree(name: str) -> None:
    snake, camel = protojson.both_spellings(name)
    assert snake == name
    assert "_" not in camel
    assert protojson.snake(camel) == name
    assert {protojson.snake(other) for other in protojson.other_spellings(name)} <= {name}


def test_hidden_deprecated_field_is_the_field() -> None:
    assert protojson.snake("hidden_envoy_deprecated_use_original_dst") == "use_original_dst"
    assert protojson.snake("hiddenEnvoyDeprecatedTlsContext") == "tls_context"
    assert "hidden_envoy_deprecated_tls_context" in protojson.other_spellings("tls_context")


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("1.5s", 1500),
        ("0s", 0),
        ("0.0005s", 0.5),
        ("-2s", -2000),
        ("10s", 10_000),
        ({"seconds": "3", "nanos": 250_000_000}, 3250),
        ({"nanos": 1_500_000}, 1.5),
        ({}, 0),
    ],
)
def test_duration(value: Any, milliseconds: float) -> None:
    found = protojson.duration_ms(value)
    assert found == milliseconds
    assert isinstance(found, int) == isinstance(milliseconds, int)


@pytest.mark.parametrize("value", ["1.5", "s", "1,5s", "1m", 3, None, [], "1e3s", {"seconds": "x"}, "٣s"])
def test_no_duration(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no (duration|number)"):
        protojson.duration_ms(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), ("5", 5), ("-7", -7), ({"value": 9}, 9), ({"value": "9"}, 9), ({}, 0), (1.5, 1.5), ("1e3", 1000)],
)
def test_number(value: Any, number: float) -> None:
    assert protojson.number(value) == number


@pytest.mark.parametrize("value", [True, "x", "", "0x10", [], None, {"value": 1, "other": 2}, {"value": True}, "٣"])
def test_no_number(value: Any) -> None:
    with pytest.raises(ValueError, match="no number"):
        protojson.number(value)


def test_integer_takes_whole_floats_only() -> None:
    assert protojson.integer(2.0) == 2
    with pytest.raises(ValueError, match="whole"):
        protojson.integer(2.5)


def test_boolean() -> None:
    assert protojson.boolean({"value": True}) is True
    assert protojson.boolean({}) is False
    assert protojson.boolean("true") is True  # Envoy's own reader takes it within quotation marks
    with pytest.raises(ValueError, match="neither"):
        protojson.boolean("True")


@pytest.mark.parametrize(
    ("value", "pair"),
    [
        ({"numerator": 50}, (50, 100)),
        ({"numerator": "5", "denominator": "MILLION"}, (5, 1_000_000)),
        ({"denominator": 1}, (0, 10_000)),
        ({}, (0, 100)),
    ],
)
def test_fraction(value: Any, pair: tuple[int, int]) -> None:
    assert protojson.fraction(value) == pair


@pytest.mark.parametrize("value", [5, {"denominator": "TEN"}, {"denominator": []}, {"numerator": "x"}])
def test_no_fraction(value: Any) -> None:
    with pytest.raises(ValueError, match="is no"):
        protojson.fraction(value)


ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


@pytest.mark.parametrize("wrapper", ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"])
@pytest.mark.parametrize("url_key", ["type_url", "typeUrl"])
def test_typed_struct_is_unwrapped(wrapper: str, url_key: str) -> None:
    typed = {"@type": f"type.googleapis.com/{wrapper}", url_key: ROUTER, "value": {"a": 1}}
    assert protojson.unwrap_any(typed) == (ROUTER, ("value",))


def test_any_forms() -> None:
    assert protojson.unwrap_any({"@type": ROUTER}) == (ROUTER, ())
    nested = {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "value": {"type_url": "x.Y", "value": {}},
    }
    assert protojson.unwrap_any(nested) == ("type.googleapis.com/x.Y", ("value", "value"))
    struct = {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1}}
    assert protojson.unwrap_any(struct) == (None, ("value",))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"@type": ""},
        {"@type": 5},
        {"@type": "x/xds.type.v3.TypedStruct"},
        {"@type": "x/xds.type.v3.TypedStruct", "type_url": "a.B", "value": []},
    ],
)
def test_broken_any(value: dict[str, Any]) -> None:
    if value.get("value") == []:  # an empty list is an absent value
        assert protojson.unwrap_any(value)[0] == "type.googleapis.com/a.B"
    else:
        with pytest.raises(ValueError, match="must"):
            protojson.unwrap_any(value)


def test_old_names() -> None:
    manager = EXTENSION_TYPES["envoy.http_connection_manager"]
    assert manager.endswith("http_connection_manager.v3.HttpConnectionManager")
    assert EXTENSION_TYPES["envoy.filters.network.http_connection_manager"] == manager
    assert EXTENSION_TYPES["envoy.filters.network.rbac"] != EXTENSION_TYPES["envoy.filters.http.rbac"]
    assert all(url.startswith(protojson.TYPE_PREFIX) for url in EXTENSION_TYPES.values())
