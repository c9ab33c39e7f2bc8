"""Who ext_authz asks, and what it heeds of the answer: which headers of it go to the client and which to the upstream.

envoyproxy/envoy source/extensions/filters/common/ext_authz/ext_authz_http_impl.cc and ext_authz_grpc_impl.cc.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...facts.answer import Answer
from ...facts.request import Headers, Request
from ...match.strings import TextTest
from ..inline_headers import INLINE_HEADERS, RESPONSE_INLINE_HEADERS, one_value, with_more
from ..matchers import compile_string_matcher
from .response import BODILESS
from .service import service_cluster

TO_REMOVE = "x-envoy-auth-headers-to-remove"
_TAKES = "x-envoy-upstream-service-time"
"""Envoy's own client of the service writes it, whatever the service said."""
_ALWAYS_TO_CLIENT = frozenset({"www-authenticate", "location"})
_NEVER_HEEDED = frozenset({TO_REMOVE, "keep-alive"})
_OK = 200


@frozen(eq=False)
class HeaderNames:
    """A ListStringMatcher over the names of headers."""

    tests: tuple[TextTest, ...] = ()

    def of(self, headers: Headers) -> dict[str, tuple[str, ...]]:
        return {name: values for name, values in headers.items() if any(each.holds(name) for each in self.tests)}


@frozen(eq=False)
class AuthorizationService:
    """Over gRPC it says outright what is to be done; over HTTP that is read from its response."""

    cluster: str | None
    over_http: bool = False
    to_client: HeaderNames = HeaderNames()
    """Of a denial; no tests: all of them."""
    to_client_on_success: HeaderNames = HeaderNames()
    to_upstream: HeaderNames = HeaderNames()
    added_upstream: HeaderNames = HeaderNames()
    to_metadata: HeaderNames = HeaderNames()
    unmodelled: str = ""
    """What of its configuration decides on headers in ways that are not modelled."""

    def allows(self, answer: Answer) -> bool:
        return self.over_http and answer.status == _OK

    def fails(self, answer: Answer) -> bool:
        return self.over_http and answer.status >= 500

    def denial(self, answer: Answer, request: Request) -> tuple[Headers, str]:
        """The headers and the body that go to the client."""
        headers, body = self._said(answer), answer.body
        if not self.over_http:
            return headers, body
        if self.to_client.tests:
            always = {name: values for name, values in headers.items() if name in _ALWAYS_TO_CLIENT}
            headers = {**self.to_client.of(headers), **always}
        # the service is asked with the method of the request, and a HEAD is answered without a body
        return headers, "" if request.method == "HEAD" or answer.status in BODILESS else body

    def changed(self, answer: Answer, request: Request) -> Request:
        """The request that it lets pass, as it goes on; itself where nothing is to change."""
        said = self._said(answer)
        wanted = {name: values[-1:] for name, values in self.to_upstream.of(said).items()}
        host = wanted.pop("host", ())
        headers = with_more({**request.headers, **wanted}, self.added_upstream.of(said), INLINE_HEADERS)
        for name in self.removed(answer):
            headers.pop(name, None)
        if not host and headers == request.headers:
            return request
        return evolve(request, headers=headers, authority=host[0] if host else request.authority)

    def clears_route(self, answer: Answer) -> bool:
        """Whether it sets or removes what a route may be chosen by; what it adds does not count."""
        return bool(self.to_upstream.of(self._said(answer)) or self.removed(answer))

    def removed(self, answer: Answer) -> tuple[str, ...]:
        listed = ",".join(answer.header_values().get(TO_REMOVE, ()))
        names = (each.strip().lower() for each in listed.split(","))
        return tuple(name for name in names if name and name != "host" and not name.startswith(":"))

    def noted(self, answer: Answer) -> dict[str, str]:
        """For dynamic metadata: the last line of each header."""
        return {name: values[-1] for name, values in self.to_metadata.of(self._said(answer)).items() if values}

    def on_success(self, answer: Answer) -> Headers:
        """What the response of whoever answers in the end is to carry."""
        return self.to_client_on_success.of(self._said(answer))

    def _said(self, answer: Answer) -> Headers:
        """Its headers as Envoy reads them."""
        headers = {
            name: (one_value(values),) if name in RESPONSE_INLINE_HEADERS else values
            for name, values in answer.header_values().items()
        }
        if self.over_http:
            headers = {name: values for name, values in headers.items() if name not in _NEVER_HEEDED}
            headers[_TAKES] = ()
        return headers


def compile_service(view: View) -> AuthorizationService | None:
    """Of what names a `grpc_service` or a `http_service`; None where it names neither."""
    grpc, http = view.view("grpc_service"), view.view("http_service")
    if grpc is not None:
        return AuthorizationService(service_cluster(grpc))
    if http is None:
        return None
    response = http.view("authorization_response")
    unmodelled: list[str] = []

    def names(key: str) -> HeaderNames:
        below = response.view(key) if response is not None else None
        tests = [compile_string_matcher(each) for each in below.views("patterns")] if below is not None else []
        unmodelled.extend(key for each in tests if each is None)
        return HeaderNames(tuple(each for each in tests if each is not None))

    return AuthorizationService(
        service_cluster(http),
        over_http=True,
        to_client=names("allowed_client_headers"),
        to_client_on_success=names("allowed_client_headers_on_success"),
        to_upstream=names("allowed_upstream_headers"),
        added_upstream=names("allowed_upstream_headers_to_append"),
        to_metadata=names("dynamic_metadata_from_headers"),
        unmodelled=", ".join(dict.fromkeys(unmodelled)),
    )
