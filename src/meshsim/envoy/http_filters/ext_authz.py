"""ext_authz: an external service decides; what Envoy does where it cannot be asked is configuration.

envoyproxy/envoy source/extensions/filters/http/ext_authz. `filter_enabled_metadata` is how Istio's CUSTOM policies
switch it on: by what a shadow rbac filter before it noted.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .http_status import http_status
from .metadata_test import MetadataTest, compile_metadata_test
from .per_route import PerRoute
from .service import service_cluster
from .shares import ALWAYS, Share, compile_share, in_a_share

TYPE_NAME = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
_ALLOWED_HEADER = "x-envoy-auth-failure-mode-allowed"


@frozen(eq=False)
class ExtAuthz:
    name: str
    place: Place
    disabled: PerRoute[bool]
    cluster: str | None
    status_on_error: int
    allows_failure: bool
    marks_failure: bool
    enabled: Share
    denies_where_off: bool
    enabled_metadata: MetadataTest | None

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        if self.disabled.of(own):
            return None
        enabled = self.enabled.of(facts.runtime)
        noted = True if self.enabled_metadata is None else self.enabled_metadata.holds(facts.metadata)
        if enabled == 0 or noted is False:
            return self._error(facts) if self.denies_where_off else None
        unknown = because("filter.opaque", self.place, filter=self.name, type=TYPE_NAME)
        failed = facts.has_cluster(self.cluster) is False if self.cluster is not None else False
        if not failed:
            unanswered = because("filter.service-decides", self.place, filter=self.name, cluster=self.cluster or "")
            denied = Reply(
                because("filter.blocked", self.place, filter=self.name, type=TYPE_NAME),
                None,
                "ext_authz_denied",
                ("UAEX",),
                in_grpc_form=True,
            )
            options = (
                Option("pass", None, None),
                Option("blocks", None, denied),
                Option("fails", None, self._failed(facts)),
            )
            return Open(unknown if noted is None else unanswered, options, default=0)
        what = because("filter.share", self.place, filter=self.name)
        if self.denies_where_off and enabled < 1:
            both = (Option("on", enabled, self._failed(facts)), Option("off", 1 - enabled, self._error(facts)))
            return Open(what, both)
        return in_a_share(enabled, what, "fails", self._failed(facts))

    def _failed(self, facts: FilterFacts) -> Reply | Change | None:
        """The service gave no answer."""
        if not self.allows_failure:
            return self._error(facts)
        if not self.marks_failure:
            return None
        headers = {**facts.request.headers, _ALLOWED_HEADER: ("true",)}
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))

    def _error(self, _facts: FilterFacts) -> Reply:
        why = because("filter.service-missing", self.place, filter=self.name, cluster=self.cluster or "")
        return Reply(why, self.status_on_error, "ext_authz_error", ("UAEX",))


def compile_ext_authz(view: View, name: str) -> ExtAuthz:
    metadata = view.view("filter_enabled_metadata")
    return ExtAuthz(
        name=name,
        place=view.place,
        disabled=PerRoute(False, lambda route: route.boolean("disabled", False)),
        cluster=service_cluster(view.view("grpc_service")) or service_cluster(view.view("http_service")),
        status_on_error=http_status(view.view("status_on_error"), 403),
        allows_failure=view.boolean("failure_mode_allow", False),
        marks_failure=view.boolean("failure_mode_allow_header_add", False),
        enabled=compile_share(view.view("filter_enabled"), ALWAYS),
        denies_where_off=_denies(view.view("deny_at_disable")),
        enabled_metadata=compile_metadata_test(metadata) if metadata is not None else None,
    )


def _denies(view: View | None) -> bool:
    return view is not None and view.boolean("default_value", False)
