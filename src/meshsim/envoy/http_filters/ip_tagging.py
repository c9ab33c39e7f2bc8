"""ip_tagging: names the ranges a client's address lies in, in the header x-envoy-ip-tags.

envoyproxy/envoy source/extensions/filters/http/ip_tagging. In which order several names stand differs from process to
process (measured on 1.40), so that the value is left open then.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...address import contains, make_prefix, try_parse_ip
from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Verdict
from .opaque import Opaque

TYPE_NAME = "envoy.extensions.filters.http.ip_tagging.v3.IPTagging"
_HEADER = "x-envoy-ip-tags"
_REQUEST_TYPES = ("BOTH", "INTERNAL", "EXTERNAL")
_KNOWN = frozenset({"request_type", "ip_tags"})


@frozen(eq=False)
class IpTagging:
    name: str
    place: Place
    request_type: str
    tags: tuple[tuple[tuple[int, int], str], ...]
    """Range and its name."""

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        request = facts.request
        internal = request.headers.get("x-envoy-internal") == ("true",)
        if self.request_type == ("EXTERNAL" if internal else "INTERNAL"):
            return None
        client = facts.connection.remote
        found = tuple(dict.fromkeys(tag for each, tag in self.tags if contains(each, client)))
        headers = {name: values for name, values in request.headers.items() if name != _HEADER}
        if found:
            headers[_HEADER] = found if len(found) == 1 else ()
        if headers == request.headers:
            return None
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(request, headers=headers))


def compile_ip_tagging(view: View, name: str) -> IpTagging | Opaque:
    if view.leftovers(_KNOWN):
        return Opaque(name, TYPE_NAME, view.place)
    tags = [(each, tag.text("ip_tag_name", "")) for tag in view.views("ip_tags") for each in _ranges(tag)]
    return IpTagging(name, view.place, view.enum("request_type", _REQUEST_TYPES), tuple(tags))


def _ranges(view: View) -> tuple[tuple[int, int], ...]:
    made = []
    for each in view.views("ip_list"):
        address = try_parse_ip(each.text("address_prefix", ""))
        if address is not None:
            made.append(make_prefix(address, each.integer("prefix_len", 0)))
    return tuple(made)
