"""api_key_auth: a key in a header, query parameter or cookie names the client.

envoyproxy/envoy source/extensions/filters/http/api_key_auth.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Request
from ...match.strings import cookies
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from ..query_parameters import decoded_parameters, with_parameters
from .base import Change, FilterFacts, Reply, Verdict
from .per_route import PerRoute

TYPE_NAME = "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"
_FAILED = "Client authentication failed."
_SOURCES = ("header", "query", "cookie")


@frozen(eq=False)
class Keys:
    """None or empty: this level says nothing of it."""

    credentials: Mapping[str, str]
    """Key -> client."""
    sources: tuple[tuple[str, str], ...]
    header: str | None
    """Where the client's name goes; None: no forwarding is configured."""
    hides: bool
    allowed: frozenset[str]

    def over(self, outer: Keys) -> Keys:
        own = self.header is not None
        return Keys(
            self.credentials or outer.credentials,
            self.sources or outer.sources,
            self.header if own else outer.header,
            self.hides if own else outer.hides,
            self.allowed,
        )


def compile_keys(view: View) -> Keys:
    forwarding = view.view("forwarding")
    return Keys(
        {each.text("key", ""): each.text("client", "") for each in view.views("credentials")},
        tuple(_source(each) for each in view.views("key_sources")),
        forwarding.text("header", "").lower() if forwarding is not None else None,
        forwarding.boolean("hide_credentials", False) if forwarding is not None else False,
        frozenset(view.texts("allowed_clients")),
    )


def _source(view: View) -> tuple[str, str]:
    kind = next((each for each in _SOURCES if view.text(each, "")), "header")
    name = view.text(kind, "")
    return kind, name.lower() if kind == "header" else name


@frozen(eq=False)
class ApiKeyAuth:
    name: str
    place: Place
    keys: PerRoute[Keys]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        keys, default = self.keys.of(own), self.keys.own
        if keys is not default:
            keys = keys.over(default)
        if not keys.sources:
            return self._denied("missing_key_sources")
        if not keys.credentials:
            return self._denied("missing_credentials")
        key = next(filter(None, (_found(facts.request, *source) for source in keys.sources)), "")
        if not key:
            return self._denied("missing_api_key")
        client = keys.credentials.get(key)
        if client is None:
            return self._denied("unknown_api_key")
        if keys.allowed and client not in keys.allowed:
            why = because("filter.client-forbidden", self.place, filter=self.name, client=client)
            return Reply(why, 403, "client_not_allowed", body="Client is forbidden.")
        return self._forwarded(facts.request, keys, client)

    def _forwarded(self, request: Request, keys: Keys, client: str) -> Change | None:
        if keys.header is None or not (keys.header or keys.hides):
            return None
        headers = dict(request.headers)
        if keys.header:
            headers[keys.header] = (client,)
        sent = evolve(request, headers=headers)
        for kind, name in keys.sources if keys.hides else ():
            sent = _without(sent, kind, name)
        return Change(because("filter.changed", self.place, filter=self.name), sent)

    def _denied(self, details: str) -> Reply:
        why = because("filter.credentials", self.place, filter=self.name, problem=details.replace("_", " "))
        return Reply(why, 401, details, body=_FAILED)


def _found(request: Request, kind: str, name: str) -> str:
    if kind == "header":
        return (request.values(name) or ("",))[0].removeprefix("Bearer ")
    if kind == "query":
        return decoded_parameters(request.path).get(name, ("",))[0]
    return cookies(request.headers.get("cookie", ())).get(name, "")


def _without(request: Request, kind: str, name: str) -> Request:
    if kind == "query":
        parameters = decoded_parameters(request.path)
        parameters.pop(name, None)
        return evolve(request, path=with_parameters(request.path, parameters))
    headers = dict(request.headers)
    if kind == "header":
        headers.pop(name, None)
    elif "cookie" in headers:
        lines = tuple(filter(None, (_without_cookie(line, name) for line in headers["cookie"])))
        if lines:
            headers["cookie"] = lines
        else:
            del headers["cookie"]
    return evolve(request, headers=headers)


def _without_cookie(line: str, name: str) -> str:
    items = (item.strip() for item in line.split(";"))
    return "; ".join(item for item in items if item.partition("=")[0] != name)


def compile_api_key_auth(view: View, name: str) -> ApiKeyAuth:
    return ApiKeyAuth(name, view.place, PerRoute(compile_keys(view), compile_keys))
