"""ext_authz: an external service decides; what Envoy makes of its answer, or of none, is configuration.

envoyproxy/envoy source/extensions/filters/http/ext_authz. `filter_enabled_metadata` is how Istio's CUSTOM policies
switch it on: by what a shadow rbac filter before it noted.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from ...config.view import View
from ...errors import InputError
from ...facts.answer import Answer
from ...place import Place
from ...reasons import Reason, because
from ..inline_headers import INLINE_HEADERS, RESPONSE_INLINE_HEADERS, with_more
from ..per_filter import PerFilter
from .authorization_service import AuthorizationService, compile_service
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .http_status import http_status
from .metadata_test import MetadataTest, compile_metadata_test
from .per_route import PerRoute
from .progress import Metadata, with_metadata
from .response import Response
from .shares import ALWAYS, Share, compile_share, in_a_share

TYPE_NAME = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
NAMESPACE = "envoy.filters.http.ext_authz"
_PASS, _BLOCKS, _FAILS = "pass", "blocks", "fails"
_DENIED, _FLAGS = "ext_authz_denied", ("UAEX",)
_ALLOWED_HEADER = "x-envoy-auth-failure-mode-allowed"


@frozen(eq=False)
class ExtAuthz:
    name: str
    place: Place
    disabled: PerRoute[bool]
    service: PerRoute[AuthorizationService]
    status_on_error: int
    allows_failure: bool
    marks_failure: bool
    enabled: Share
    denies_where_off: bool
    enabled_metadata: MetadataTest | None
    clears_route: bool = False
    most_body: int = 0
    """Bytes of a denial's body that are passed on; 0: all."""
    has_mutation_rules: bool = False
    takes_metadata: bool = True

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        if facts.route is None or self.disabled.of(own):
            return None
        enabled = self.enabled.of(facts.runtime)
        noted = True if self.enabled_metadata is None else self.enabled_metadata.holds(facts.metadata)
        if enabled == 0 or noted is False:
            return self._error(own) if self.denies_where_off else None
        service = self.service.of(own)
        failed = facts.has_cluster(service.cluster) is False if service.cluster is not None else False
        if not failed:
            unknown = because("filter.opaque", self.place, filter=self.name, type=TYPE_NAME)
            unanswered = because("filter.service-decides", self.place, filter=self.name, cluster=service.cluster or "")
            denied = Reply(self._blocked(), None, _DENIED, _FLAGS, in_grpc_form=True)
            options = (
                Option(_PASS, None, None),
                Option(_BLOCKS, None, denied),
                Option(_FAILS, None, self._failed(facts, own)),
            )
            return Open(
                unknown if noted is None else unanswered,
                options,
                default=0,
                answered=lambda answer: self._answered(service, answer, facts, own),
                waits=True,
            )
        what = because("filter.share", self.place, filter=self.name)
        if self.denies_where_off and enabled < 1:
            both = (Option("on", enabled, self._failed(facts, own)), Option("off", 1 - enabled, self._error(own)))
            return Open(what, both)
        return in_a_share(enabled, what, _FAILS, self._failed(facts, own))

    def _answered(
        self, service: AuthorizationService, answer: Answer, facts: FilterFacts, own: PerFilter | None
    ) -> Option:
        if service.unmodelled:
            raise self._not_modelled(service.unmodelled)
        if service.allows(answer):
            return Option(_PASS, None, self._passed(service, answer, facts))
        if service.fails(answer):
            return Option(_FAILS, None, self._failed(facts, own, answer))
        headers, body = service.denial(answer, facts.request)
        if self.most_body:
            kept = body.encode("utf-8", "surrogateescape")[: self.most_body]
            body = kept.decode("utf-8", "surrogateescape")
        reply = Reply(self._blocked(), answer.status, _DENIED, _FLAGS, body, headers=headers)
        return Option(_BLOCKS, None, evolve(reply, metadata=self._noted(service, answer, facts)))

    def _passed(self, service: AuthorizationService, answer: Answer, facts: FilterFacts) -> Change | None:
        request, added = service.changed(answer, facts.request), service.on_success(answer)
        metadata = self._noted(service, answer, facts)
        if self.has_mutation_rules and request is not facts.request:
            raise self._not_modelled("decoder_header_mutation_rules")
        if request is facts.request and metadata is None and not added:
            return None
        return Change(
            because("filter.changed", self.place, filter=self.name),
            request,
            metadata,
            clears_route=self.clears_route and service.clears_route(answer),
            memories={self: added} if added else {},
        )

    def respond(self, facts: FilterFacts, _own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        added = facts.memories.get(self) if seen else None
        if not isinstance(added, Mapping):
            return response
        return evolve(response, headers=with_more(response.headers, added, RESPONSE_INLINE_HEADERS))

    def _not_modelled(self, what: str) -> InputError:
        return InputError(
            "answer-not-modelled",
            f"filter {self.name}: what its {what} leaves of an answer is not modelled",
            place=self.place,
            hint="pin one of the options in place of the answer: " + ", ".join((_PASS, _BLOCKS, _FAILS)),
        )

    def _noted(self, service: AuthorizationService, answer: Answer, facts: FilterFacts) -> Metadata | None:
        noted = service.noted(answer) if self.takes_metadata else {}
        return with_metadata(facts.metadata, NAMESPACE, noted) if noted else None

    def _blocked(self) -> Reason:
        return because("filter.blocked", self.place, filter=self.name, type=TYPE_NAME)

    def _failed(self, facts: FilterFacts, own: PerFilter | None, answer: Answer | None = None) -> Reply | Change | None:
        """The service gave no answer, or one that Envoy does not take for a verdict."""
        if not self.allows_failure:
            return self._error(own, answer)
        if not self.marks_failure:
            return None
        headers = with_more(facts.request.headers, {_ALLOWED_HEADER: ("true",)}, INLINE_HEADERS)
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))

    def _error(self, own: PerFilter | None, answer: Answer | None = None) -> Reply:
        told = {"filter": self.name, "cluster": self.service.of(own).cluster or ""}
        if answer is None:
            why = because("filter.service-missing", self.place, **told)
        else:
            why = because("filter.service-broken", self.place, **told, status=answer.status)
        return Reply(why, self.status_on_error, "ext_authz_error", _FLAGS)


def compile_ext_authz(view: View, name: str) -> ExtAuthz:
    metadata = view.view("filter_enabled_metadata")
    service = compile_service(view) or AuthorizationService(None)
    return ExtAuthz(
        name=name,
        place=view.place,
        disabled=PerRoute(False, lambda route: route.boolean("disabled", False)),
        service=PerRoute(service, lambda route: _of_route(route) or service),
        status_on_error=http_status(view.view("status_on_error"), 403),
        allows_failure=view.boolean("failure_mode_allow", False),
        marks_failure=view.boolean("failure_mode_allow_header_add", False),
        enabled=compile_share(view.view("filter_enabled"), ALWAYS),
        denies_where_off=_denies(view.view("deny_at_disable")),
        enabled_metadata=compile_metadata_test(metadata) if metadata is not None else None,
        clears_route=view.boolean("clear_route_cache", False),
        most_body=view.integer("max_denied_response_body_bytes") or 0,
        has_mutation_rules=view.has("decoder_header_mutation_rules"),
        takes_metadata=view.boolean("enable_dynamic_metadata_ingestion", True),
    )


def _of_route(view: View) -> AuthorizationService | None:
    settings = view.view("check_settings")
    return compile_service(settings) if settings is not None else None


def _denies(view: View | None) -> bool:
    return view is not None and view.boolean("default_value", False)
