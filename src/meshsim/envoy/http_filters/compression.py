"""compressor and decompressor: what they do to accept-encoding; bodies are not looked at.

envoyproxy/envoy source/extensions/filters/http/compressor and decompressor.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Verdict

COMPRESSOR = "envoy.extensions.filters.http.compressor.v3.Compressor"
DECOMPRESSOR = "envoy.extensions.filters.http.decompressor.v3.Decompressor"
_HEADER = "accept-encoding"
_LIBRARIES = {"Gzip": "gzip", "Brotli": "br", "Zstd": "zstd"}


@frozen(eq=False)
class Advertised:
    """decompressor: the upstream may compress what Envoy itself unpacks."""

    name: str
    place: Place
    encoding: str

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        headers = dict(facts.request.headers)
        stated = headers.get(_HEADER)
        if stated and any(_token(item) == self.encoding for line in stated for item in line.split(",")):
            return None
        headers[_HEADER] = (",".join((*stated, self.encoding)),) if stated else (self.encoding,)
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))


def _token(item: str) -> str:
    return item.partition(";")[0].strip(" \t")


@frozen(eq=False)
class Removed:
    """compressor: the upstream is not to compress."""

    name: str
    place: Place

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        if _HEADER not in facts.request.headers:
            return None
        headers = {name: values for name, values in facts.request.headers.items() if name != _HEADER}
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))


def compile_decompressor(view: View, name: str) -> Advertised | None:
    library = view.view("decompressor_library")
    typed = library.any("typed_config") if library is not None else None
    encoding = _LIBRARIES.get(typed.type_name.rpartition(".")[2]) if typed is not None else None
    request = view.view("request_direction_config")
    if encoding is None or (request is not None and request.boolean("advertise_accept_encoding") is False):
        return None
    return Advertised(name, view.place, encoding)


def compile_compressor(view: View, name: str) -> Removed | None:
    response = view.view("response_direction_config")
    return Removed(name, view.place) if (response or view).boolean("remove_accept_encoding_header", False) else None
