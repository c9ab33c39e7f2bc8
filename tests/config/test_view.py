"""The typed reader: spellings, defaults, places, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.config.view import View
from meshsim.errors import InputError
from meshsim.place import Place


def view(data: dict[str, Any]) -> View:
    return View(data, Place("dump.json", ("configs", 0)))


def test_camel_and_snake_read_alike() -> None:
    for data in ({"stat_prefix": "x", "inner_view": {"max_age": 3}}, {"statPrefix": "x", "innerView": {"maxAge": "3"}}):
        read = view(data)
        assert read.text("stat_prefix") == "x"
        inner = read.view("inner_view")
        assert inner is not None
        assert inner.integer("max_age") == 3


def test_places_use_the_spelling_of_the_file() -> None:
    read = view({"filterChains": [{"filters": [{"typedConfig": {"@type": "a.B", "x": 1}}]}]})
    typed = read.views("filter_chains")[0].views("filters")[0].any("typed_config")
    assert typed is not None
    assert typed.view.place == Place("dump.json", ("configs", 0, "filterChains", 0, "filters", 0, "typedConfig"))
    assert str(typed.view.place_of("x")).endswith("/typedConfig/x")
    assert read.place_of("absent_field").path[-1] == "absent_field"


def test_absent_and_null_are_defaults() -> None:
    read = view({"name": None, "list": None})
    assert read.text("name") is None
    assert read.text("name", "d") == "d"
    assert read.views("list") == read.views("nothing") == ()
    assert read.texts("nothing") == ()
    assert read.view("nothing") is None
    assert read.any("nothing") is None
    assert read.number("nothing", 5) == 5
    assert read.boolean("nothing", False) is False
    assert not read.has("name")


def test_wrapped_values() -> None:
    read = view({"count": {"value": 7}, "size": "900", "flag": {"value": True}, "timeout": "1.5s"})
    assert (read.integer("count"), read.integer("size")) == (7, 900)
    assert read.boolean("flag") is True
    assert read.duration_ms("timeout") == 1500


def test_one_value_is_a_list_of_one_and_lists_inside_lists_are_flat() -> None:
    """As Envoy 1.40 reads every list of a message, from JSON and from YAML."""
    one = view({"httpFilters": {"name": "a"}}).views("http_filters")
    assert [each.place.path[2:] for each in one] == [("httpFilters",)]
    nested = view({"f": [[], {"name": "a"}, [[{"name": "b"}], {"name": "c"}]]}).views("f")
    assert [each.text("name") for each in nested] == ["a", "b", "c"]
    assert [each.place.path[3:] for each in nested] == [(1,), (2, 0, 0), (2, 1)]
    assert view({"domains": "*"}).texts("domains") == ("*",)
    assert view({"domains": [["a", "b"], "*"]}).texts("domains") == ("a", "b", "*")
    assert view({"codes": 503}).values("codes") == (503,)
    assert view({"codes": [[503], 504]}).values("codes") == (503, 504)


WRONG: list[tuple[Callable[[View], Any], Any]] = [
    (lambda read: read.text("f"), 5),
    (lambda read: read.number("f"), "x"),
    (lambda read: read.integer("f"), 1.5),
    (lambda read: read.boolean("f"), "True"),
    (lambda read: read.duration_ms("f"), "1m"),
    (lambda read: read.fraction("f"), 3),
    (lambda read: read.view("f"), []),
    (lambda read: read.views("f"), "x"),
    (lambda read: read.views("f"), [[{}, 1]]),
    (lambda read: read.views("f"), [1]),
    (lambda read: read.texts("f"), {}),
    (lambda read: read.texts("f"), [["a", 1]]),
    (lambda read: read.texts("f"), [1]),
    (lambda read: read.map("f"), {"a": 1}),
    (lambda read: read.any("f"), {"no": "type"}),
    (lambda read: read.enum("f", ("A", "B")), 2),
    (lambda read: read.enum("f", ("A", "B")), {}),
]


@pytest.mark.parametrize(("read", "value"), WRONG)
def test_wrong_types_are_told_with_their_place(read: Callable[[View], Any], value: Any) -> None:
    with pytest.raises(InputError) as caught:
        read(view({"f": value}))
    assert caught.value.place is not None
    assert caught.value.place.path[:3] == ("configs", 0, "f")
    assert caught.value.hint


def test_not_an_object() -> None:
    with pytest.raises(InputError, match="expected an object"):
        View([], Place("x"))  # type: ignore[arg-type]


def test_enum_by_name_and_number() -> None:
    names = ("STATIC", "STRICT_DNS")
    assert view({"type": "EDS"}).enum("type", names) == "EDS"
    assert view({"type": 1}).enum("type", names) == "STRICT_DNS"
    assert view({}).enum("type", names) == "STATIC"
    assert view({}).enum("type", names, "EDS") == "EDS"


def test_leftovers_name_what_is_set_and_unknown() -> None:
    read = view(
        {
            "@type": "x",
            "known": 1,
            "knownToo": 2,
            "hedgePolicy": {},
            "hidden_envoy_deprecated_hosts": [1],
            "none": None,
            "empty": [],
        }
    )
    assert read.leftovers(frozenset({"known", "known_too"})) == ("hedge_policy", "hosts")
    assert read.leftovers(frozenset({"known", "known_too", "hosts", "hedge_policy"})) == ()


def test_one_of_and_map() -> None:
    read = view({"directResponse": {}, "weights": {"a": {"w": 1}, "b": {"w": 2}}})
    assert read.one_of(("route", "direct_response", "redirect")) == "direct_response"
    assert read.one_of(("x",)) is None
    assert [(name, below.integer("w"), below.place.path[-1]) for name, below in read.map("weights")] == [
        ("a", 1, "a"),
        ("b", 2, "b"),
    ]


def test_typed_struct_place_is_where_the_message_stands() -> None:
    typed = view(
        {
            "typed_config": {
                "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
                "type_url": "x/istio.Y",
                "value": {"k": "v"},
            }
        }
    ).any("typed_config")
    assert typed is not None
    assert typed.type_url == "type.googleapis.com/istio.Y"
    assert typed.type_name == "istio.Y"
    assert typed.view.text("k") == "v"
    assert typed.view.place.path[-2:] == ("typed_config", "value")


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "envoy.tcp_proxy", "config": {"cluster": "c"}},
        {"name": "envoy.tcp_proxy", "hidden_envoy_deprecated_config": {"cluster": "c"}},
        {
            "name": "envoy.filters.network.tcp_proxy",
            "typed_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"cluster": "c"}},
        },
        {
            "name": "mine",
            "typedConfig": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "cluster": "c",
            },
        },
    ],
)
def test_extension_in_old_and_new_forms(entry: dict[str, Any]) -> None:
    found = view(entry).extension()
    assert found is not None
    assert found.type_name == "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    assert found.view.text("cluster") == "c"


def test_extension_by_name_alone_or_not_at_all() -> None:
    found = view({"name": "envoy.filters.http.router"}).extension()
    assert found is not None
    assert found.type_name.endswith("router.v3.Router")
    assert found.view.keys() == ()
    assert view({"name": "somebody.elses"}).extension() is None


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
    st.text(max_size=8),
)
def test_reading_anything_is_a_value_or_an_input_error(data: dict[str, Any], key: str) -> None:
    read = view(data)
    readers: list[Callable[[str], Any]] = [
        read.text,
        read.number,
        read.integer,
        read.boolean,
        read.duration_ms,
        read.fraction,
        read.view,
        read.views,
        read.texts,
        read.any,
        read.map,
    ]
    for name in (key, *data):
        for one in readers:
            try:
                one(name)
            except InputError as error:
                assert error.place is not None
