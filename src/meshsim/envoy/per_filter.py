"""typed_per_filter_config of route configuration, virtual host and route: by filter name, most specific first."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ..config.view import TypedConfig, View
from .per_filter_checks import check_level, check_switch

CORS_FILTERS = ("envoy.filters.http.cors", "envoy.cors")
FILTER_CONFIG = "envoy.config.route.v3.FilterConfig"


@frozen(eq=False)
class PerFilter:
    """What one level says about one filter."""

    disabled: bool
    config: TypedConfig | None
    """None: only switched on or off; the filter's own configuration is used."""
    outer: PerFilter | None = None
    """What the next less specific level says; most filters look at the most specific one only."""

    def in_force(self) -> TypedConfig | None:
        """The most specific configuration: a level that only switches the filter on leaves it to the next one."""
        if self.config is not None:
            return self.config
        return self.outer.in_force() if self.outer is not None else None

    def levels(self) -> tuple[TypedConfig, ...]:
        """The configurations of every level that has one, most specific first."""
        above = self.outer.levels() if self.outer is not None else ()
        return above if self.config is None else (self.config, *above)


def layered(outer: Mapping[str, PerFilter], own: Mapping[str, PerFilter]) -> Mapping[str, PerFilter]:
    """A level laid over the less specific ones."""
    if not outer or not own:
        return own or outer
    kept = {name: PerFilter(each.disabled, each.config, outer.get(name)) for name, each in own.items()}
    return {**outer, **kept}


def compile_per_filter(view: View) -> Mapping[str, PerFilter]:
    """Both spellings, the second of them untyped; and the `cors` field that virtual hosts had before."""
    made = dict(compile_cors(view))
    for name, below in view.map("per_filter_config"):
        made[name] = PerFilter(disabled=False, config=TypedConfig("", below))
    for name, below in view.map("typed_per_filter_config"):
        made[name] = _entry(name, below)
    return made


def compile_cors(view: View) -> Mapping[str, PerFilter]:
    """The `cors` field of a virtual host or route action, as a per-filter configuration of the cors filter."""
    cors = view.view("cors")
    if cors is None:
        return {}
    return dict.fromkeys(CORS_FILTERS, PerFilter(disabled=False, config=TypedConfig("", cors)))


def _entry(name: str, view: View) -> PerFilter:
    typed = view.unwrapped()
    if typed is None:
        return PerFilter(disabled=False, config=None)
    if typed.type_name != FILTER_CONFIG:
        check_level(typed, name)
        return PerFilter(disabled=False, config=typed)
    if typed.view.boolean("disabled", False):
        return PerFilter(disabled=True, config=None)
    # an empty message means: switched on, with the filter's own configuration
    check_switch(typed.view, name)
    inner = typed.view.view("config")
    config = typed.view.any("config") if inner is not None and inner.has("@type") else None
    if config is not None:
        check_level(config, name)
    return PerFilter(disabled=False, config=config)
