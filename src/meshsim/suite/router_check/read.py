"""A file of router_check_tool tests, YAML or JSON, in either spelling of protobuf's JSON -> checks.

Unknown fields and missing ones are errors with their place, as they are to the tool itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...config.documents import Library
from ...config.json_text import looks_like_json, parse_json
from ...config.view import View
from ...config.yaml_text import parse_yaml
from ...envoy.http_filters.progress import merged
from ...envoy.inline_headers import INLINE_HEADERS, RESPONSE_INLINE_HEADERS
from ...envoy.matchers import compile_header_matcher
from ...envoy.route_constraints import HEADER_KINDS
from ...errors import InputError
from ...facts.request import Request
from ...place import Place
from ..source import nearest
from .model import (
    CODE_REDIRECT,
    PATH_REDIRECT,
    ROUTE_FIELDS,
    TIMEOUT,
    Check,
    CheckFile,
    CheckInput,
    HeaderWant,
)
from .strict import check_message

MOST_TESTS = 100_000
_TEXTS = (*ROUTE_FIELDS, PATH_REDIRECT)
_MATCHES = ("request_header_matches", "response_header_matches")
_FIELDS = ("request_header_fields", "response_header_fields")
_FILE = frozenset({"tests", "runtime"})
_TEST = frozenset({"test_name", "input", "validate"})
_INPUT = frozenset(
    {
        "authority",
        "path",
        "method",
        "random_value",
        "ssl",
        "internal",
        "runtime",
        "additional_request_headers",
        "additional_response_headers",
        "dynamic_metadata",
    }
)
_VALIDATE = frozenset({*_TEXTS, CODE_REDIRECT, TIMEOUT, *_MATCHES, *_FIELDS})
_ENDS_LINE = frozenset("\r\n\0")
_HEADER = frozenset({"key", "value", "raw_value"})
_PSEUDO = (":method", ":scheme", ":authority", ":path")
_ONE_VALUED = INLINE_HEADERS.union(_PSEUDO)
_METADATA = frozenset({"metadata_namespace", "value", "typed_value", "allow_overwrite"})
_STRING_KINDS = ("exact", "prefix", "suffix", "safe_regex", "contains", "custom")


def read_data(path: Path, library: Library) -> View:
    """A YAML or JSON document that is one object. InputError otherwise."""
    source = library.read(path)
    text = source.text()
    if looks_like_json(text):
        return View(_json(text, source.name), Place(source.name))
    documents = [each for each in parse_yaml(text, source.name) if each is not None]
    if len(documents) != 1:
        raise InputError("two-documents", "one file holds one document", place=Place(source.name), hint="split it")
    return View(documents[0], Place(source.name))


def _json(text: str, name: str) -> Any:
    """Protobuf's JSON, which takes a comma before a closing bracket, as YAML does."""
    try:
        return parse_json(text, name)
    except InputError as error:
        try:
            documents = parse_yaml(text, name)
        except InputError:
            documents = []
        if len(documents) != 1:
            raise error from None
        return documents[0]


def read_checks(path: Path, library: Library) -> CheckFile:
    view = read_data(path, library)
    _known(view, _FILE, "a file of router_check_tool tests")
    tests = view.views("tests")
    if not tests:
        raise _wrong("no tests", view.place_of("tests"), "give at least one")
    if len(tests) > MOST_TESTS:
        raise _wrong(f"more than {MOST_TESTS} tests", view.place_of("tests"), "split the file")
    seen: Counter[str] = Counter()
    runtime = view.view("runtime")
    values = runtime.data if runtime is not None else {}
    return CheckFile(view.place.doc, values, tuple(_check(test, seen, library) for test in tests))


def _check(view: View, seen: Counter[str], library: Library) -> Check:
    _known(view, _TEST, "a test")
    name = _required(view, "test_name", 1)
    given, validate = view.view("input"), view.view("validate")
    for key, below in (("input", given), ("validate", validate)):
        if below is None:
            raise _wrong(f"test {name!r} has no {key}", view.place, f"state {key}, as the tool requires")
    assert given is not None and validate is not None
    _known(given, _INPUT, "input")
    _known(validate, _VALIDATE, "validate")
    seen[name] += 1
    return Check(
        name=name,
        id=name if seen[name] == 1 else f"{name}#{seen[name]}",
        place=located(view.place, library),
        input=_input(given),
        wants=tuple((key, value, located(place, library)) for key, value, place in _wants(validate)),
        headers=tuple(_header_wants(validate, library)),
    )


def _input(view: View) -> CheckInput:
    scheme = "https" if view.boolean("ssl", False) else "http"
    headers: dict[str, tuple[str, ...]] = {
        ":method": (_required(view, "method", 3),),
        ":scheme": (scheme,),
        ":authority": (_required(view, "authority", 1),),
        ":path": (_required(view, "path", 1),),
        "x-forwarded-proto": (scheme,),
    }
    if view.boolean("internal", False):
        headers["x-envoy-internal"] = ("true",)
    headers = _added(headers, view, "additional_request_headers", _ONE_VALUED)
    method, scheme, authority, path = (headers.pop(name)[0] for name in _PSEUDO)
    request = Request(method, scheme, authority, path, headers)
    return CheckInput(
        request=request,
        random_value=_as_stream_random(view.integer("random_value", 0), view),
        runtime=view.text("runtime", ""),
        response_headers=_added({}, view, "additional_response_headers", RESPONSE_INLINE_HEADERS),
        metadata=_metadata(view),
    )


def _as_stream_random(value: int, view: View) -> int:
    """The tool keeps 32 bits with a sign, of which Envoy makes 64 without."""
    if not 0 <= value < 1 << 64:
        raise _wrong(f"{value} is no random value", view.place_of("random_value"), "give a number from 0 to 2^64-1")
    low = value & 0xFFFF_FFFF
    return low if low < 1 << 31 else low + (1 << 64) - (1 << 32)


def _added(
    headers: dict[str, tuple[str, ...]], view: View, key: str, one_valued: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Further lines of a header stand beside the first, or are joined to it where Envoy keeps one value only."""
    for entry in view.views(key):
        name, value = _header(entry)
        name = name.lower()
        if name == "host" and ":authority" in headers:
            name = ":authority"
        values = (*headers.get(name, ()), value)
        headers[name] = (",".join(values),) if name in one_valued else values
    return headers


def _header(view: View) -> tuple[str, str]:
    """A HeaderValue: its name as written, and its value."""
    _known(view, _HEADER, "a header")
    name, value = _required(view, "key", 1), view.text("value", "")
    for key, text in (("key", name), ("value", value)):
        if not _ENDS_LINE.isdisjoint(text):
            raise _wrong(f"{key} holds a line break or a null", view.place_of(key), "a header is one line")
    return name, value


def _metadata(view: View) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for entry in view.views("dynamic_metadata"):
        _known(entry, _METADATA, "dynamic_metadata")
        name = _required(entry, "metadata_namespace", 1)
        value = entry.view("value")
        if value is None:
            continue
        if name not in found:
            found[name] = dict(value.data)
        elif entry.boolean("allow_overwrite", False):
            found[name] = merged(found[name], value.data)
    return found


def _wants(view: View) -> Iterator[tuple[str, str | int, Place]]:
    for key in _TEXTS:
        text = view.text(key)
        if text is not None:
            yield key, text, view.place_of(key)
    code = view.integer(CODE_REDIRECT)
    if code is not None and not 0 <= code < 1 << 32:
        raise _wrong(f"{code} is no status", view.place_of(CODE_REDIRECT), "give one such as 301")
    if code is not None:
        yield CODE_REDIRECT, code, view.place_of(CODE_REDIRECT)
    timeout = view.duration_ms(TIMEOUT)
    if timeout is not None:
        yield TIMEOUT, f"{timeout / 1000:g}s", view.place_of(TIMEOUT)


def _header_wants(view: View, library: Library) -> Iterator[HeaderWant]:
    for matches, fields in zip(_MATCHES, _FIELDS, strict=True):
        for entry in view.views(matches):
            place = located(entry.place, library)
            check_message(entry, "HeaderMatcher")
            name = _required(entry, "name", 1)
            below = entry.view("string_match")
            if below is not None and below.has("custom"):
                raise _wrong("custom string matchers are not modelled", place, "state the text or a safe_regex")
            condition = compile_header_matcher(entry)
            kind, wanted = _kind_of(entry)
            invert = entry.boolean("invert_match", False)
            yield HeaderWant(matches, kind, name, condition, wanted, invert, place)
        for entry in view.views(fields):
            name, value = _header(entry)
            yield HeaderWant(fields, "", name, None, value, False, located(entry.place, library))


def _kind_of(view: View) -> tuple[str, str | None]:
    """How messages name the matcher, and the one text it wants."""
    below = view.view("string_match")
    if below is not None:
        kind = below.one_of(_STRING_KINDS) or "exact"
        return f"string_match.{kind}", below.text("exact", "") if kind == "exact" else None
    return view.one_of(HEADER_KINDS) or "present_match", None


def _required(view: View, key: str, least: int) -> str:
    text = view.text(key, "")
    if len(text) < least:
        what = "is missing" if not text else f"is shorter than {least} characters"
        raise _wrong(f"{key} {what}", view.place_of(key) if text else view.place, f"state {key}")
    return text


def _known(view: View, known: frozenset[str], what: str) -> None:
    for key in view.leftovers(known):
        hint = nearest(key, known) or "fields: " + ", ".join(sorted(known))
        raise _wrong(f"{what} has no field {key!r}", view.place_of(key), hint)


def located(place: Place, library: Library) -> Place:
    """In the form in which suites name places: file and line."""
    line = library.line(place)
    return place if line is None else Place(place.doc, line=line)


def _wrong(message: str, place: Place, hint: str) -> InputError:
    return InputError("router-check-tests", message, place=place, hint=hint)
