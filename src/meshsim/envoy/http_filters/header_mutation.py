"""header_mutation: changes headers and query parameters of requests, and headers of every response.

envoyproxy/envoy source/extensions/filters/http/header_mutation: the filter's own mutations first, then those of
route, virtual host and route configuration, in that order unless the most specific are to win.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Request
from ...place import Place
from ...reasons import because
from ..format_strings import FormatString, compile_format_string
from ..header_mutations import ADD_IF_ABSENT, APPEND, OVERWRITE, OVERWRITE_IF_EXISTS
from ..mutation_steps import Step, compile_step, stepped, stepped_response
from ..per_filter import PerFilter
from ..query_parameters import decoded_parameters, percent_encoded, with_parameters
from .base import Change, FilterFacts, Verdict
from .format_facts import format_facts
from .per_route import PerRoute
from .response import Response

TYPE_NAME = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
_QUERY_ACTIONS = (APPEND, ADD_IF_ABSENT, OVERWRITE, OVERWRITE_IF_EXISTS)


@frozen(eq=False)
class QueryMutation:
    name: str
    value: FormatString | None
    """None: the parameter is removed."""
    action: str


@frozen(eq=False)
class Mutations:
    request: tuple[Step, ...]
    query: tuple[QueryMutation, ...]
    response: tuple[Step, ...]


def compile_mutations(view: View) -> Mutations:
    below = view.view("mutations") or View({}, view.place)
    return Mutations(
        tuple(compile_step(each) for each in below.views("request_mutations")),
        tuple(_query(each) for each in below.views("query_parameter_mutations")),
        tuple(compile_step(each) for each in below.views("response_mutations")),
    )


def _query(view: View) -> QueryMutation:
    added = view.view("append")
    record = added.view("record") if added is not None else None
    if added is None or record is None:
        return QueryMutation(view.text("remove", ""), None, "")
    value = compile_format_string(record.text("value", ""))
    return QueryMutation(record.text("key", ""), value, added.enum("action", _QUERY_ACTIONS))


@frozen(eq=False)
class HeaderMutation:
    name: str
    place: Place
    configs: PerRoute[Mutations]
    most_specific_wins: bool

    def _levels(self, own: PerFilter | None) -> tuple[Mutations, ...]:
        levels = self.configs.levels(own)
        return (self.configs.own, *(reversed(levels) if self.most_specific_wins else levels))

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        request = facts.request
        for level in self._levels(own):
            request = stepped(request, level.request, format_facts(facts))
            if level.query:
                request = evolve(request, path=_with_query(level.query, facts, request))
        if request == facts.request:
            return None
        return Change(because("filter.changed", self.place, filter=self.name), request)

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """Whether the request came this far makes no difference."""
        headers = response.headers
        for level in self._levels(own):
            headers = stepped_response(headers, level.response, format_facts(facts))
        return evolve(response, headers=headers)


def _with_query(mutations: tuple[QueryMutation, ...], facts: FilterFacts, request: Request) -> str:
    """Always rewritten, even where nothing is left to change: names sorted, values decoded."""
    parameters = decoded_parameters(request.path)
    seen = evolve(format_facts(facts), request=request)
    for each in mutations:
        before = parameters.get(each.name)
        if each.value is None:
            parameters.pop(each.name, None)
            continue
        value = percent_encoded(each.value.render(seen) or "")
        if each.action == APPEND:
            parameters[each.name] = (*(before or ()), value)
        elif (before is None) if each.action == ADD_IF_ABSENT else (each.action == OVERWRITE or before is not None):
            parameters[each.name] = (value,)
    return with_parameters(request.path, parameters)


def compile_header_mutation(view: View, name: str) -> HeaderMutation:
    return HeaderMutation(
        name,
        view.place,
        PerRoute(compile_mutations(view), compile_mutations),
        view.boolean("most_specific_header_mutations_wins", False),
    )
