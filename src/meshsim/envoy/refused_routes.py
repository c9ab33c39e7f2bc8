"""Route configurations that Envoy refused: why there is none of a name, or why an older one goes on answering."""

from __future__ import annotations

from ..config.config_dump import ProxyDocument
from ..reasons import Reason, because


def table_refused(document: ProxyDocument | None, name: str | None) -> Reason | None:
    """Envoy's own reason why no route configuration of that name is in force; None where it has none to give."""
    return _refused(document, name, "vhost.table-missing-rejected", in_force=False)


def update_refused(document: ProxyDocument | None, name: str | None) -> Reason | None:
    """The same where an older version is in force."""
    return _refused(document, name, "vhost.update-rejected", in_force=True)


def _refused(document: ProxyDocument | None, name: str | None, code: str, *, in_force: bool) -> Reason | None:
    resource = document.route_configs.get(name) if document is not None and name is not None else None
    error = resource.error_state if resource is not None and (resource.view is not None) is in_force else None
    if error is None:
        return None
    return because(code, error.place, table=name, error=error.details, time=error.last_update_attempt)
