"""grpc_web and the proxy's own replies.

Surprising: the status stays what it was, and a body becomes grpc-message; whether an own reply takes gRPC's form is
decided by the request as it was read, so that no filter that writes `content-type` changes it, early mutations
included; a JSON body loses its line feed only where the request was read as gRPC.
"""

from collections.abc import Iterator
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, abort, append, asked, mutation
from tests.truth.families.http_filters import HOSTS
from tests.truth.setting import Setting

WEB = http_filter("w", "grpc_web.v3.GrpcWeb")
DENIES = http_filter("rbac", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}})
OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"
TYPES = [f"application/grpc{kind}" for kind in ("-web", "-web+proto", "-web-text", "-web-text+proto", "")]
EARLY = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"


def settings() -> Iterator[Setting]:
    for name, cases in (("own replies", replies()), ("among others", among_others())):
        yield Setting(
            name=name,
            dump=dump(cases),
            calls=calls(cases),
            configurations=len(cases),
            world=WORLD,
            hosts=HOSTS["endings"],
            marks=[name],
        )


def direct(status: int, body: str = "") -> dict[str, Any]:
    return one_route(name="r", direct_response={"status": status, "body": {"inline_string": body}})


def replies() -> list[Case]:
    said = [asked("POST", content_type=kind) for kind in TYPES]
    said += [asked(method, content_type=TYPES[0]) for method in ("OPTIONS", "HEAD")]
    said += [
        asked("POST", content_type=TYPES[0], accept=kind)
        for kind in (TYPES[2], TYPES[3], f"{TYPES[2]}, x", TYPES[1], TYPES[4])
    ]
    return [
        (manager(*filters, route=route), said)
        for filters, route in (
            ([WEB, abort(418)], None),
            ([WEB, DENIES], None),
            ([DENIES, WEB], None),
            ([WEB, WEB], direct(503, "x")),
            ([WEB], direct(418, "tea")),
            ([WEB], direct(200, "")),
            *(([WEB], direct(status, "x")) for status in (200, 204, 304, 400, 401, 404, 429, 500)),
            ([WEB], one_route(name="r", redirect={"host_redirect": "b"})),
            ([WEB], one_route(name="r", route={"cluster": "dead"})),
            ([WEB], one_route(name="r", route={"cluster": "refuses"})),
            ([WEB], one_route({"path": "/none"})),
            ([WEB], None),
            ([WEB, http_filter("h", "health_check.v3.HealthCheck", pass_through_mode=False)], None),
        )
    ]


def among_others() -> list[Case]:
    said = [
        *(asked("POST", content_type=kind) for kind in (TYPES[0], TYPES[4], "text/x")),
        asked("HEAD", content_type=TYPES[0]),
        *(asked("POST", content_type=TYPES[0], grpc_accept_encoding=value) for value in ("gzip", "")),
    ]
    odd = direct(418, "t%é\n\x01 x")
    moved = one_route(name="r", redirect={"host_redirect": "b"})
    makes_grpc = mutation("g", request_mutations=[append("content-type", "application/grpc", OVERWRITE)])
    takes_type = mutation("t", request_mutations=[{"remove": "content-type"}])
    writes = mutation(
        "a",
        response_mutations=[append("x-s", "v"), append("grpc-message", "z"), append("content-type", "q", OVERWRITE)],
    )
    status = mutation("s", response_mutations=[append("grpc-status", "0")])
    early = {
        "early_header_mutation_extensions": [
            {
                "name": "e",
                "typed_config": {
                    "@type": EARLY,
                    "mutations": [append("content-type", "application/grpc", OVERWRITE)],
                },
            }
        ]
    }
    json = {"body_format": {"json_format": {"m": "%LOCAL_REPLY_BODY%", "s": "%RESPONSE_CODE%"}}}
    typed = [
        {"body_format": {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%!"}, "content_type": kind}}
        for kind in ("application/grpc-web+proto; charset=utf-8", "application/grpc")
    ]
    return [
        (each, said)
        for each in (
            manager(WEB, writes, route=odd),
            manager(writes, WEB, route=odd),
            manager(WEB, status, route=odd),
            manager(WEB, status, route=direct(418)),
            manager(mutation("l", response_mutations=[{"remove": "content-length"}]), route=odd),
            manager(makes_grpc, route=odd),
            manager(takes_type, route=odd),
            manager(takes_type, abort(503)),
            manager(makes_grpc, abort(503)),
            manager(makes_grpc, WEB, route=odd),
            manager(makes_grpc, route=moved),
            manager(WEB, makes_grpc, route=moved),
            manager(WEB, takes_type, DENIES),
            manager(route=odd, **early),
            manager(abort(503), **early),
            manager(WEB, route=odd, local_reply_config=json),
            *(
                manager(WEB, route=direct(code, "x"), local_reply_config=config)
                for code in (200, 201)
                for config in typed
            ),
        )
    ]
