"""Runtime layers: every spelling of a value as the real Envoy reads it, layers on top of one another, calls on top."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.view import View
from meshsim.envoy.runtime import NO_RUNTIME, RuntimeFraction, compile_runtime
from meshsim.errors import Rejected
from meshsim.place import Place


def bootstrap(*layers: dict[str, Any]) -> View:
    named = [{"name": f"layer-{index}", **layer} for index, layer in enumerate(layers)]
    return View({"layered_runtime": {"layers": named}}, Place("b.json"))


def static(**values: Any) -> dict[str, Any]:
    return {"static_layer": values}


ALWAYS, NEVER, DEFAULT = "always", "never", "default"
AS_FRACTION = [
    (100, ALWAYS),
    ("100", ALWAYS),
    (" 100", ALWAYS),
    ("100 ", ALWAYS),
    (100.5, ALWAYS),
    ("1e2", ALWAYS),
    ("+100", ALWAYS),
    ("0x64", ALWAYS),
    (101, ALWAYS),
    (1e19, ALWAYS),
    (2e19, DEFAULT),
    ("99999999999999999999", DEFAULT),
    (0, NEVER),
    ("0", NEVER),
    ("0.5", NEVER),
    (0.5, NEVER),
    (-1, DEFAULT),
    (True, DEFAULT),
    ("true", DEFAULT),
    ("abc", DEFAULT),
    ("", DEFAULT),
    ("inf", DEFAULT),
    ("nan", DEFAULT),
    ("1_00", DEFAULT),
    ("numerator: 100", DEFAULT),
    ({}, NEVER),
    ({"numerator": 100}, ALWAYS),
    ({"numerator": 200}, ALWAYS),
    ({"numerator": "100"}, NEVER),
    ({"denominator": "MILLION"}, NEVER),
    ({"numerator": 1_000_000, "denominator": "MILLION"}, ALWAYS),
    ({"numerator": 100, "denominator": 0}, DEFAULT),
    ({"numerator": 100, "more": 1}, DEFAULT),
]
"""Observed: a route's runtime_fraction with that value of its key, once with a default of 0 and once of 100 percent."""


@pytest.mark.parametrize(("value", "expected"), AS_FRACTION, ids=repr)
def test_a_value_read_as_a_fraction(value: Any, expected: str) -> None:
    runtime = compile_runtime(bootstrap(static(key=value)))
    shares = [RuntimeFraction("key", (default, 100)).share(runtime) for default in (0, 100)]
    told = {(True, True): ALWAYS, (False, False): NEVER, (False, True): DEFAULT}
    assert told[shares[0] >= 1, shares[1] >= 1] == expected


AS_FLAG = [
    *((value, True) for value in (1, "1", 2, "2", True, 1.0, "1.0", -1, "-1")),
    *((value, False) for value in (0, "0", False, 0.0, "0.0", "00", "+0", "0x0")),
    *((value, None) for value in ("true", "TRUE", "false", " false ", "no", 0.5, "0.5", "", {"numerator": 1})),
]
"""Observed: a RuntimeFeatureFlag with that value of its key; None: it keeps its default."""


@pytest.mark.parametrize(("value", "expected"), AS_FLAG, ids=repr)
def test_a_value_read_as_a_flag(value: Any, expected: bool | None) -> None:
    runtime = compile_runtime(bootstrap(static(key=value)))
    assert [runtime.boolean("key", default) for default in (True, False)] == (
        [True, False] if expected is None else [expected] * 2
    )


def test_objects_join_their_keys_and_later_layers_win() -> None:
    runtime = compile_runtime(bootstrap(static(a={"b": {"c": 1}, "d": 2}), static(**{"a.d": 3})))
    assert [runtime.integer(key, 9) for key in ("a.b.c", "a.d", "a")] == [1, 3, 9]


def test_an_integer_is_cut_off() -> None:
    runtime = compile_runtime(bootstrap(static(weight="7.5")))
    assert (runtime.integer("weight", 1), runtime.number("weight", 1)) == (7, 7.5)


@pytest.mark.parametrize("value", [None, [1], {"deeper": [1]}])
def test_what_envoy_refuses_is_refused(value: Any) -> None:
    with pytest.raises(Rejected, match="holds no number"):
        compile_runtime(bootstrap(static(key=value)))


def test_two_layers_of_one_name_are_refused() -> None:
    layers = [{"name": "same", "static_layer": {}}, {"name": "same", "admin_layer": {}}]
    with pytest.raises(Rejected, match="same"):
        compile_runtime(View({"layered_runtime": {"layers": layers}}, Place("b.json")))


def test_a_layer_no_input_holds_is_a_doubt_until_something_later_decides() -> None:
    runtime = compile_runtime(bootstrap(static(early=1, late=1), {"rtds_layer": {"name": "r"}}, static(late=2)))
    doubt = runtime.doubt("early")
    assert doubt is not None and (doubt.fact("kind"), doubt.fact("layer")) == ("rtds_layer", "layer-1")
    assert runtime.doubt("late") is None
    assert runtime.doubt("in no layer") is not None
    assert runtime.doubt("") is None
    assert runtime.with_values({"early": 5}).doubt("early") is None
    assert runtime.with_values({"early": 5}).integer("early", 0) == 5


def test_guards_are_on_unless_a_layer_turns_them_off() -> None:
    off = compile_runtime(
        bootstrap({"static_layer": {"envoy.reloadable_features.http_reject_path_with_fragment": False}})
    )
    assert NO_RUNTIME.guard("http_reject_path_with_fragment")
    assert not off.guard("http_reject_path_with_fragment")


def test_no_layers_no_values() -> None:
    assert compile_runtime(None) is NO_RUNTIME
    assert compile_runtime(View({}, Place("b.json"))) is NO_RUNTIME
