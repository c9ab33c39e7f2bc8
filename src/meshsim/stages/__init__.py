"""The table of stages: which one decides at which state. One can read the walk here, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    app,
    chain,
    client,
    cluster,
    endpoint,
    filters,
    handshake,
    hook,
    http,
    inspect,
    listener,
    network,
    redirect,
    refresh,
    returning,
    route,
    router,
    tls,
    vhost,
    wire,
)
from .stage import Stage


def table(*stages: Stage) -> Mapping[type, Stage]:
    return {stage.accepts: stage for stage in stages}


STAGES = table(
    hook.STAGE,
    wire.STAGE,
    inspect.STAGE,
    listener.STAGE,
    chain.STAGE,
    handshake.STAGE,
    network.STAGE,
    http.STAGE,
    vhost.STAGE,
    route.STAGE,
    filters.STAGE,
    router.STAGE,
    cluster.STAGE,
    endpoint.STAGE,
    tls.STAGE,
    app.STAGE,
    returning.STAGE,
    refresh.STAGE,
    redirect.STAGE,
    client.STAGE,
)
