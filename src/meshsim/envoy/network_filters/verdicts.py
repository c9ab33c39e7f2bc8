"""What a network filter is to a walk: it lets a connection pass, closes it, or leaves that open; at two moments.

envoyproxy/envoy source/common/network/filter_manager_impl.cc: every filter is told of a new connection, in order,
before any byte and before the handshake; each is asked again with the first bytes. tcp_proxy dials at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import ClassVar

from attrs import define, field, frozen

from ...explanation import Candidate
from ...facts.connection import Connection
from ...reasons import Reason
from ..runtime import NO_RUNTIME, Runtime


@define(eq=False)
class NetworkFacts:
    """What a filter may ask."""

    connection: Connection
    filter_state: Mapping[str, str] = field(factory=dict)
    """What filters before it wrote down, those that are not modelled left out."""
    all_known: bool = True
    """Whether everything before it is modelled, so that what nobody wrote is not there."""
    runtime: Runtime = NO_RUNTIME
    has_cluster: Callable[[str], bool | None] = lambda _name: None
    """Whether Envoy has that cluster and a host in it; None where nobody can say."""


@frozen
class Closes:
    """The filter closes the connection; fields as access logs name them."""

    why: Reason
    close_reason: str | None = None
    flags: tuple[str, ...] = ()
    response_code_details: str | None = None
    termination_details: str | None = None


@frozen
class Writes:
    """The filter lets it pass and leaves something for the filters behind it."""

    filter_state: Mapping[str, str]


@frozen(eq=False)
class Option:
    name: str
    share: Fraction | None
    verdict: Closes | None
    """None: it passes."""


@frozen(eq=False)
class Open:
    """Configuration leaves it open; shares of None: it cannot say how often."""

    what: Reason
    options: tuple[Option, ...]
    default: int | None = None


Verdict = Closes | Open | Writes | None
"""None: the connection passes."""


class Behaviour:
    """How one kind of filter acts; the base lets everything pass."""

    terminal: ClassVar[bool] = False

    def new_connection(self, _facts: NetworkFacts) -> Verdict:
        return None

    def first_bytes(self, _facts: NetworkFacts) -> Verdict:
        return None

    def candidates(self, _facts: NetworkFacts, _option: int | None) -> tuple[Candidate, ...]:
        """What the filter itself chose among, such as policies; `option` was taken where it was open."""
        return ()
