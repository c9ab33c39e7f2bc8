"""header_to_metadata: notes request headers and cookies as dynamic metadata, for filters and log lines after it.

envoyproxy/envoy source/extensions/filters/http/header_to_metadata. The route stays as it was chosen before.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Request
from ...match.regex import Regex
from ...match.strings import cookies
from ...place import Place
from ...reasons import because
from ..base64_text import decoded
from ..doubles import read_double
from ..per_filter import PerFilter
from ..regexes import compile_regex
from .base import Change, FilterFacts, Verdict
from .per_route import PerRoute
from .progress import with_metadata

TYPE_NAME = "envoy.extensions.filters.http.header_to_metadata.v3.Config"
NAMESPACE = "envoy.filters.http.header_to_metadata"
_MAX_VALUE = 8 * 1024
_TYPES = ("STRING", "NUMBER", "PROTOBUF_VALUE")
_ENCODINGS = ("NONE", "BASE64")


@frozen(eq=False)
class Note:
    """on_header_present or on_header_missing."""

    namespace: str
    key: str
    value: str
    type: str
    encoding: str
    rewrite: tuple[Regex, str] | None

    def of(self, seen: str | None) -> tuple[bool, Any]:
        """(whether anything is noted, what): a header's value, or the configured one."""
        text = self.value or seen or ""
        if seen is not None and self.rewrite is not None:
            text = self.rewrite[0].replace_all(seen, self.rewrite[1])
        if not text or len(text) >= _MAX_VALUE:
            return False, None
        if self.encoding == "BASE64":
            data = decoded(text)
            if not data:
                return False, None
            text = data.decode("utf-8", "surrogateescape")
        return _typed(text, self.type)


def _typed(text: str, kind: str) -> tuple[bool, Any]:
    if kind == "STRING":
        return True, text
    number = read_double(text)
    if number is None:
        return False, None
    return (
        (True, int(number) if number.is_integer() and abs(number) < 1 << 53 else number)
        if kind == "NUMBER"
        else (False, None)
    )


@frozen(eq=False)
class Rule:
    header: str
    cookie: str
    present: Note | None
    missing: Note | None
    remove: bool

    def seen(self, request: Request) -> str | None:
        """Many values of one header are joined by commas; an empty cookie is none."""
        if self.cookie:
            return cookies(request.headers.get("cookie", ())).get(self.cookie) or None
        values = request.values(self.header)
        return ",".join(values) if values or self.header in request.headers else None


def compile_rules(view: View) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            rule.text("header", "").lower(),
            rule.text("cookie", ""),
            _note(rule.view("on_header_present")),
            _note(rule.view("on_header_missing")),
            rule.boolean("remove", False),
        )
        for rule in view.views("request_rules")
    )


def _note(view: View | None) -> Note | None:
    if view is None:
        return None
    rewrite = view.view("regex_value_rewrite")
    compiled = None
    if rewrite is not None and rewrite.has("pattern"):
        compiled = (compile_regex(rewrite, "pattern"), rewrite.text("substitution", ""))
    return Note(
        view.text("metadata_namespace", "") or NAMESPACE,
        view.text("key", ""),
        view.text("value", ""),
        view.enum("type", _TYPES),
        view.enum("encode", _ENCODINGS, unnamed=_ENCODINGS[0]),
        compiled,
    )


@frozen(eq=False)
class HeaderToMetadata:
    name: str
    place: Place
    rules: PerRoute[tuple[Rule, ...]]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        request, metadata = facts.request, facts.metadata
        noted: dict[str, dict[str, Any]] = {}
        for rule in self.rules.of(own):
            seen = rule.seen(request)
            note = rule.missing if seen is None else rule.present
            worth, value = (False, None) if note is None else note.of(seen)
            if note is not None and worth:
                noted.setdefault(note.namespace, {})[note.key] = value
            if seen is not None and rule.remove and not rule.cookie:
                request = evolve(request, headers={k: v for k, v in request.headers.items() if k != rule.header})
        for namespace, values in noted.items():
            metadata = with_metadata(metadata, namespace, values)
        if metadata is facts.metadata and request is facts.request:
            return None
        return Change(because("filter.changed", self.place, filter=self.name), request, metadata)


def compile_header_to_metadata(view: View, name: str) -> HeaderToMetadata:
    return HeaderToMetadata(name, view.place, PerRoute(compile_rules(view), compile_rules))
