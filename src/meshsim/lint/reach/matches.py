"""Does one RouteMatch take every request that another would? And can one be met at all?

envoyproxy/envoy source/common/router/config_impl.cc: routes are tried in order, and the first that matches is final.
The path a route is asked about always begins with a slash: anything else is answered before routing.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...config.view import View
from ...envoy.route_matches import PATH_KINDS, RouteCondition, compile_match
from ...envoy.runtime import RuntimeFraction
from .texts import EXACT, PREFIX, SEPARATED, Test, Texts, grows, texts_of_pattern
from .values import ValueMatcher, cookie, header, query_parameter

_WHOLE = ("grpc", "tls_context")
_LISTS = ("dynamic_metadata", "filter_state")
_UNDERSTOOD = frozenset(
    {
        *PATH_KINDS,
        "case_sensitive",
        "runtime_fraction",
        "headers",
        "query_parameters",
        "cookies",
        *_WHOLE,
        *_LISTS,
    }
)
_GROWN = {"path": EXACT, "prefix": PREFIX, "path_separated_prefix": SEPARATED}


@frozen(eq=False)
class Match:
    """One RouteMatch, prepared for comparisons."""

    kind: str
    """Its path specifier; "" where there is none."""
    written: Any
    """That specifier, as written."""
    paths: Texts | None
    """Every path it takes is among these; None: nobody can say."""
    path_test: Test | None
    values: tuple[tuple[str, ValueMatcher], ...]
    """(headers | query_parameters | cookies, one matcher)."""
    others: tuple[tuple[str, Any], ...]
    """What is only compared as written."""
    always: bool
    """No share of what it matches passes by."""
    never: bool
    """No share of it is taken."""
    known: bool
    """Nothing in it is not understood."""

    def takes_all_of(self, other: Match) -> bool:
        """Every request that the other one matches is proven to match this one."""
        if not (self.known and self.always):
            return False
        if not self._takes_paths(other):
            return False
        if not all(each in other.others for each in self.others):
            return False
        return all(
            any(kind == theirs and mine.implied_by(matcher) for theirs, matcher in other.values)
            for kind, mine in self.values
        )

    def _takes_paths(self, other: Match) -> bool:
        if self.kind == other.kind and self.written == other.written:
            return True
        return self.path_test is not None and other.paths is not None and self.path_test.covers(other.paths)


def read_match(view: View) -> Match:
    made = compile_match(view)
    kind = view.one_of(PATH_KINDS) or ""
    sensitive = view.boolean("case_sensitive", True)
    paths, test = _path(view, kind, sensitive, made.conditions[-1])
    return Match(
        kind=kind,
        written=(view.raw(kind) if kind else None, sensitive),
        paths=paths,
        path_test=test,
        values=(
            *(("headers", header(each)) for each in view.views("headers")),
            *(("query_parameters", query_parameter(each)) for each in view.views("query_parameters")),
            *(("cookies", cookie(each)) for each in view.views("cookies")),
        ),
        others=(
            *((name, view.raw(name)) for name in _WHOLE if view.has(name)),
            *((name, each.data) for name in _LISTS for each in view.views(name)),
        ),
        always=view.raw("runtime_fraction") is None or _share(made.fraction) == 1,
        never=_share(made.fraction) == 0,
        known=not view.leftovers(_UNDERSTOOD),
    )


def _share(fraction: RuntimeFraction | None) -> float | None:
    """None: unknown, since a runtime key may say so, or neither always nor never."""
    if fraction is None or fraction.key:
        return None
    numerator, denominator = fraction.default
    return 0 if numerator == 0 else 1 if numerator >= denominator else None


def _path(view: View, kind: str, sensitive: bool, condition: RouteCondition) -> tuple[Texts | None, Test | None]:
    if kind == "safe_regex":
        below = view.view(kind)
        pattern = below.text("regex", "") if below is not None else ""
        found = texts_of_pattern(pattern)
        return _absolute(found), Test(condition.test, grows_right=grows(pattern))
    grown = _GROWN.get(kind)
    if grown is None:
        return None, None
    texts = Texts(view.text(kind, ""), grown, any_case=not sensitive)
    test = Test(condition.test, grows_right=grown == PREFIX, separated=grown == SEPARATED, any_case=not sensitive)
    return _absolute(texts), test


def _absolute(texts: Texts) -> Texts:
    """The same with the slash that every path begins with."""
    return texts if texts.seed or texts.grown == EXACT else Texts("/", PREFIX)
