"""How an Envoy reads its configuration, by its runtime: each row as the real Envoy 1.40 did it."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.dialect import PLAIN, Dialect
from meshsim.config.view import View
from meshsim.envoy.dialects import dialect_of
from meshsim.envoy.regexes import compile_regex
from meshsim.envoy.runtime import compile_runtime
from meshsim.errors import Rejected
from meshsim.place import Place

LARGEST = "re2.max_program_size.error_level"
ADMIN = {"name": "admin", "admin_layer": {}}


def dialect(*layers: dict[str, Any]) -> Dialect:
    bootstrap = View({"layered_runtime": {"layers": list(layers)}}, Place("b.json"))
    return dialect_of(compile_runtime(bootstrap), runtime_known=True)


def static(**values: Any) -> dict[str, Any]:
    return {"name": "static", "static_layer": values}


def compiled(matcher: dict[str, Any], how: Dialect) -> Any:
    holder = View({"below": {"safe_regex": matcher}}, Place("t.json")).under(how).view("below")
    assert holder is not None
    return compile_regex(holder, "safe_regex")


@pytest.mark.parametrize(
    ("length", "layers", "own", "taken"),
    [
        (95, (), None, True),
        (96, (), None, False),  # the program of so many letters has four steps more
        (96, (static(**{LARGEST: 101}),), None, True),
        (96, (static(**{LARGEST: "x"}),), None, False),  # no number: as if it were not there
        (96, (ADMIN,), None, True),  # the admin layer may say otherwise: nobody can tell
        (96, (static(**{LARGEST: 50}), ADMIN), None, True),
        (96, (), 200, True),  # the matcher's own size takes the place of the runtime's
        (40, (), 30, False),
    ],
)
def test_a_pattern_may_not_be_too_large(
    length: int, layers: tuple[dict[str, Any], ...], own: int | None, taken: bool
) -> None:
    engine = {} if own is None else {"google_re2": {"max_program_size": own}}
    matcher = {"regex": "/" + "a" * length, **engine}
    if taken:
        assert compiled(matcher, dialect(*layers)).matches(matcher["regex"])
        return
    with pytest.raises(Rejected) as caught:
        compiled(matcher, dialect(*layers))
    assert "RE2 program size of" in str(caught.value)
    assert caught.value.place == Place("t.json", ("below", "safe_regex", "regex"))


def test_without_a_bootstrap_no_size_is_known() -> None:
    unknown = dialect_of(compile_runtime(None), runtime_known=False)
    assert unknown == PLAIN
    assert compiled({"regex": "a" * 4000}, unknown).matches("a" * 4000)


@pytest.mark.parametrize(
    ("pattern", "text", "bytes_", "characters"),
    [
        ("/.", "/é", False, True),
        ("/..", "/é", True, False),
        ("/é+x", "/éx", True, True),
        ("/[é]y", "/éy", False, True),
        ("/[^a]n", "/én", False, True),
        ("(?i)/Éz", "/éz", False, True),
        ("/.", "/\udce9", True, False),  # a byte that is no UTF-8 is no character
        (r"/\x{e9}+w", "/éw", False, True),
    ],
)
def test_characters_are_bytes_unless_the_guard_is_off(pattern: str, text: str, bytes_: bool, characters: bool) -> None:
    off = static(**{"envoy.reloadable_features.re2_use_latin1_mode": False})
    assert compiled({"regex": pattern}, dialect()).matches(text) is bytes_
    assert compiled({"regex": pattern}, dialect(off)).matches(text) is characters
