"""compressor and decompressor: who packs what for whom, and what headers say of it.

Surprising: `vary` is there even for clients that take nothing packed; an etag that is not weak goes, even `"a`; the
first compressor that is asked decides for all of the chain, those that a request never reached included; a q that is no
number takes its whole item with it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.truth.families import _shapes
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, abort, append, asked, get, mutation
from tests.truth.setting import POD_ADDRESS, Setting

LIBRARIES = "type.googleapis.com/envoy.extensions.compression."
PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.compressor.v3.CompressorPerRoute"
LONG = "a body that is long enough to be packed, and then some"
OFF = {"enabled": {"default_value": False, "runtime_key": "k"}}
FEW = [
    get(),
    get(accept_encoding="gzip"),
    get(accept_encoding="br, gzip"),
    get(accept_encoding="*"),
    asked("HEAD", accept_encoding="gzip"),
    {**get(accept_encoding="gzip"), "protocol": "http2"},
]
ACCEPTED = """
gzip|br|GZIP|gzip;q=0|*|*;q=0|identity|gzip;q=0.5, br;q=0.7|br, gzip|gzip, identity|identity, gzip|gzip;q=x|
gzip;q=0.5;x=1|gzip;level=1;q=0.2|deflate|identity;q=0, *|gzip ;q= 1|*;q=0.5, gzip;q=0.4|gzip;q=-1|gzip;Q=0, *|
;q=1,gzip|x, *;q=0, gzip|gzip;q=1e-3, zstd|identity;q=0.5,gzip;q=0.5|br;q=0.5, *;q=0.5|zstd|gzip, br, zstd|
"""


def settings() -> Iterator[Setting]:
    yield _passed_on()
    for name, cases in (
        ("what clients accept", accepted()),
        ("which replies are packed", packed()),
        ("what the status header says", told()),
        ("what routes say", per_route()),
        ("requests", requests()),
    ):
        yield Setting(
            name=name, dump=dump(cases), calls=calls(cases), configurations=len(cases), world=WORLD, marks=[name]
        )


def _passed_on() -> Setting:
    """Surprising: what a proxy further on packed, a decompressor unpacks; its `vary` stays."""
    route = [{"name": "r", "match": {"prefix": "/"}, "route": {"cluster": "far"}}]
    answer = [{"match": {"prefix": "/"}, "direct_response": {"status": 503, "body": {"inline_string": LONG}}}]
    kept = answered(append("cache-control", "no-transform"))
    filters: list[list[dict[str, Any]]] = [
        [decompressor()],
        [decompressor("b", "brotli")],
        [decompressor(response_direction_config={"common_config": OFF})],
        [decompressor(), kept],
        [decompressor(response_direction_config={"common_config": {"ignore_no_transform_header": True}}), kept],
        [compressor(), decompressor()],
        [decompressor(), compressor()],
    ]
    managers = [_shapes.manager(answer, [compressor()]), *(_shapes.manager(route, each) for each in filters)]
    listeners = [
        {
            "name": str(index),
            "address": _shapes.address("0.0.0.0", 22000 + index),
            "filter_chains": [{"filters": [each]}],
        }
        for index, each in enumerate(managers)
    ]
    said = [each for each in FEW if each["headers"]]
    return Setting(
        name="packed further on",
        dump=_shapes.dump(listeners, [_shapes.static_cluster("far", POD_ADDRESS, 22000)]),
        calls=[
            {"destination": f"{POD_ADDRESS}:{22001 + index}", "from": "outside", "authority": "a.test", **call}
            for index in range(len(filters))
            for call in said
        ],
        configurations=len(filters),
        sockets=(),
        marks=["packed further on"],
    )


def library(kind: str, direction: str = "compressor") -> dict[str, Any]:
    return {"name": kind, "typed_config": {"@type": f"{LIBRARIES}{kind}.{direction}.v3.{kind.capitalize()}"}}


def compressor(name: str = "c", kind: str = "gzip", **fields: Any) -> dict[str, Any]:
    return http_filter(name, "compressor.v3.Compressor", compressor_library=library(kind), **fields)


def responses(**fields: Any) -> dict[str, Any]:
    return compressor(response_direction_config=fields)


def decompressor(name: str = "d", kind: str = "gzip", **fields: Any) -> dict[str, Any]:
    unpack = library(kind, "decompressor")
    return http_filter(name, "decompressor.v3.Decompressor", decompressor_library=unpack, **fields)


def reply(status: int = 418, body: str = LONG, **fields: Any) -> dict[str, Any]:
    return one_route(name="r", direct_response={"status": status, "body": {"inline_string": body}}, **fields)


def answered(*changes: Mapping[str, Any]) -> dict[str, Any]:
    return mutation("m", response_mutations=changes)


def accepted() -> list[Case]:
    said = [get(accept_encoding=text.strip()) for text in ACCEPTED.split("|")]
    said += [get(), asked("HEAD", accept_encoding="gzip"), get(accept_encoding=["br", "gzip"])]
    brotli, zstd = compressor("b", "brotli"), compressor("z", "zstd")
    later = compressor("b", "brotli", choose_first=True), compressor("z", "zstd", choose_first=True)
    chains = [[compressor()], [compressor(), brotli], [brotli, compressor()], [compressor(), *later]]
    return [(manager(*chain, route=reply()), said) for chain in [*chains, [zstd], [zstd, compressor()]]]


def packed() -> list[Case]:
    off = {"runtime_enabled": OFF["enabled"]}
    brotli = compressor("b", "brotli")
    tags = ('"a"', 'W/"a"', "ab", "W/", "W/a", "wa", "w/", "a", '""')
    managers = [
        *(manager(responses(common_config={"min_content_length": n}), route=reply()) for n in (0, 10, 54, 55)),
        *(manager(compressor(), route=reply(body="x" * size)) for size in (0, 1, 29, 30)),
        manager(compressor(content_length=10), route=reply(body="x" * 12)),
        manager(compressor(content_length=10, response_direction_config={}), route=reply(body="x" * 12)),
        manager(compressor(**off), route=reply()),
        manager(compressor(**off, response_direction_config={}), route=reply()),
        manager(responses(common_config=OFF), route=reply()),
        manager(compressor(content_type=["text/x"]), route=reply()),
        manager(compressor(content_type=["Text/PLAIN"]), route=reply()),
        manager(responses(uncompressible_response_codes=[418]), route=reply()),
        manager(responses(disable_on_etag_header=True), answered(append("etag", '"a"')), route=reply()),
        *(manager(compressor(), answered(append("etag", tag)), route=reply()) for tag in tags),
        *(
            manager(compressor(), answered(append("vary", value)), route=reply())
            for value in ("Origin", "x, Accept-Encoding", "accept-encoding")
        ),
        manager(compressor(), answered(append("cache-control", "x, No-Transform")), route=reply()),
        manager(compressor(), answered(append("content-encoding", "x")), route=reply()),
        manager(
            compressor(),
            answered(append("content-type", "text/html ; charset=x", "OVERWRITE_IF_EXISTS_OR_ADD")),
            route=reply(),
        ),
        manager(compressor(), answered({"remove": "content-type"}), route=reply()),
        manager(compressor(), answered({"remove": "content-length"}), route=reply(body="xx")),
        manager(compressor(), abort(503)),
        manager(abort(503), compressor()),
        manager(compressor(), abort(503), brotli),
        manager(compressor(), http_filter("w", "grpc_web.v3.GrpcWeb"), route=reply()),
        *(manager(compressor(), route=reply(status)) for status in (200, 204, 304)),
        manager(responses(remove_accept_encoding_header=True), brotli, route=reply()),
        manager(brotli, responses(remove_accept_encoding_header=True), route=reply()),
        manager(brotli, compressor(content_type=["text/x"]), route=reply()),
        manager(compressor("b", "brotli", content_type=["text/x"]), compressor(), route=reply()),
        manager({**brotli, "disabled": True}, compressor(), route=reply()),
    ]
    return [(each, FEW) for each in managers]


def told() -> list[Case]:
    """Surprising: a body that filters emptied is still one that was too short."""
    wants_other = {"common_config": {"content_type": ["a/b"]}}
    cases: list[Case] = []
    for extra, route in (
        ({}, reply()),
        ({}, reply(body="xx")),
        ({}, reply(body="")),
        (wants_other, reply()),
        ({"disable_on_etag_header": True}, reply()),
        ({"uncompressible_response_codes": [418]}, reply()),
        ({**wants_other, "uncompressible_response_codes": [418]}, reply()),
        ({"common_config": OFF}, reply()),
    ):
        own = responses(status_header_enabled=True, **extra)
        other = compressor("b", "brotli", response_direction_config={"status_header_enabled": True})
        cases.append((manager(own, answered(append("etag", '"a"')), route=route), FEW))
        cases.append((manager(own, other, route=route), FEW))
    web = http_filter("w", "grpc_web.v3.GrpcWeb")
    said = [asked("POST", content_type="application/grpc-web", accept_encoding="gzip")]
    cases.append((manager(responses(status_header_enabled=True), web, route=reply()), said))
    return cases


def _of_route(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"typed_per_filter_config": {"c": {"@type": PER_ROUTE, **settings}}}


def per_route() -> list[Case]:
    on = {"overrides": {"response_direction_config": {}}}
    removes, keeps = (
        {"overrides": {"response_direction_config": {"remove_accept_encoding_header": each}}} for each in (True, False)
    )
    off = {"disabled": True}
    brotli, zstd = ({"overrides": {"compressor_library": library(kind)}} for kind in ("brotli", "zstd"))
    both = compressor(), compressor("b", "brotli")
    upstream = {"route": {"cluster": "c"}}
    removing = responses(remove_accept_encoding_header=True)
    managers = [
        manager(compressor(), route=reply(**_of_route(off))),
        manager(compressor(), route=reply(**_of_route({"overrides": {}}))),
        manager(responses(common_config=OFF), route=reply(**_of_route(on))),
        manager(compressor(), route=reply(**_of_route(brotli))),
        manager(*both, route=reply(**_of_route(zstd))),
        manager(responses(status_header_enabled=True), route=reply(**_of_route(brotli))),
        *(manager(compressor(), route=one_route(name="r", **upstream, **_of_route(each))) for each in (removes, off)),
        *(
            manager(removing, route=one_route(name="r", **upstream, **_of_route(each)))
            for each in (keeps, off, {"overrides": {}})
        ),
        manager(responses(remove_accept_encoding_header=True, common_config=OFF)),
    ]
    return [(each, FEW) for each in managers]


def requests() -> list[Case]:
    said = [
        {**asked("POST", content_type=media, content_length=size, **headers), "protocol": "http2"}
        for media, size, headers in (
            ("text/plain", "100", {}),
            ("text/plain", "30", {}),
            ("text/plain", "29", {}),
            ("text/plain", "0", {}),
            ("a/b", "100", {}),
            *(
                ("text/plain", "100", {"content_encoding": value})
                for value in ("gzip", "gzip, br", " GZIP ,br", "br,gzip")
            ),
            ("text/plain", "100", {"content_encoding": "gzip", "cache_control": "no-transform"}),
        )
    ]
    said.append({**asked("POST", content_type="application/grpc"), "protocol": "http2"})
    said += [get(accept_encoding=text) for text in ("gzip", "gzip;q=0.1, br", "br , gzip,x", "x", "gzip,gzip;q=1")]
    return [
        (manager(each), [*said, *FEW])
        for each in (
            compressor(request_direction_config={}),
            compressor(request_direction_config={"common_config": {"min_content_length": 10}}),
            compressor(request_direction_config={"common_config": OFF}),
            decompressor(),
            decompressor(response_direction_config={"common_config": OFF}),
            decompressor(request_direction_config={"common_config": OFF}),
            decompressor(request_direction_config={"common_config": {"ignore_no_transform_header": True}}),
            decompressor(request_direction_config={"advertise_accept_encoding": False}),
        )
    ] + [(manager(decompressor("b", "brotli"), decompressor()), [*said, *FEW])]
