"""What compressor and decompressor share: names of encodings, and which of them a client and a chain agree on.

envoyproxy/envoy source/extensions/filters/http/compressor/compressor_filter.cc (chooseEncoding).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Headers, Request

_LIBRARIES = {"Gzip": "gzip", "Brotli": "br", "Zstd": "zstd"}
_IDENTITY = "identity"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_BLANKS = " \t\n\v\f\r"


def encoding_of(view: View, field: str) -> str | None:
    """As content-encoding names it; None: the library is none of Envoy's own."""
    library = view.view(field)
    typed = library.any("typed_config") if library is not None else None
    return _LIBRARIES.get(typed.type_name.rpartition(".")[2]) if typed is not None else None


def token(item: str) -> str:
    """An item of a list without its parameters."""
    return item.partition(";")[0].strip(_BLANKS)


def media_type(headers: Headers) -> str | None:
    """In lower case; None where no header says it."""
    stated = headers.get("content-type")
    return token(stated[0]).lower() if stated else None


def forbids_transformation(headers: Headers) -> bool:
    stated = ",".join(headers.get("cache-control", ()))
    return any(each.strip(_BLANKS).lower() == "no-transform" for each in stated.split(","))


def has_body(request: Request) -> bool:
    return request.body > 0 or request.chunked


def without_length(request: Request) -> Request:
    """A body of which nobody knows the length any more goes in chunks."""
    headers = {name: values for name, values in request.headers.items() if name != "content-length"}
    return evolve(request, headers=headers, chunked=True)


@frozen
class Offer:
    """What one compressor of the chain could do."""

    encoding: str
    media_types: frozenset[str]
    first: bool
    """Whether it is taken before others that the client likes as much."""


def agreed(offers: Iterable[Offer], accepted: str, media: str | None) -> str:
    """The encoding that is used: identity where there is none."""
    able: dict[str, tuple[int, bool]] = {}
    for offer in offers:
        if media and media not in offer.media_types:
            continue
        able.setdefault(offer.encoding, (len(able), offer.first))
    wanted = tuple(_wanted(accepted))
    for name, quality in wanted:
        if quality == 0:
            able.pop(name, None)
    if not wanted or not able:
        return _IDENTITY
    choice, best = _IDENTITY, 0.0
    for name, quality in wanted:
        if name not in able and name not in (_IDENTITY, "*"):
            continue
        if quality > best or (quality == best and name in able and able[name][1]):
            choice, best = name, quality
    if best == 0 or math.isnan(best) or choice == _IDENTITY:
        return _IDENTITY
    return min(able, key=lambda name: (able[name][0], name)) if choice == "*" else choice


def _wanted(accepted: str) -> Iterable[tuple[str, float]]:
    """(encoding, quality), in order; a quality that is no number takes the item with it."""
    for item in filter(None, accepted.split(",")):
        quality = 1.0
        name, _, value = item.partition(";")[2].partition("=")
        if "=" in item.partition(";")[2] and name.strip(_BLANKS).lower() == "q":
            text = value.strip(_BLANKS)
            if _NUMBER.fullmatch(text) is None:
                continue
            quality = float(text)
        yield token(item), quality
