"""What looks like a mistake and yet loads: odd URI templates, and numbers of enumerations that have no name.

- A variable may have literal text before and behind it within its segment, also in the middle of a template.
- A star behind text or behind `**` is literal to the template's reader; what comes of `/a**` is no RE2 expression, and
  such a template matches nothing.
- An unnamed number for escaped slashes unescapes them and goes on; one for underscores refuses the request.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._managers import call, setting
from tests.truth.setting import Setting

_PATH = "type.googleapis.com/envoy.extensions.path."
TEMPLATES: tuple[tuple[str, str | None], ...] = (
    ("/a{x}", "/n/{x}"),
    ("/a**", None),
    ("/***", None),
    ("/{x}**", None),
    ("/a.{x}.b/c", "/{x}"),
    ("/{x}a/", "/{x}{x}"),
    ("/a(b'{x}')", "/{x}"),
    ("/a{x=**}b/c", "/z{x}"),
    ("/{x=a*}/b", "/q/{x}"),
    ("/a*{x}", "/{x}"),
    ("/a/{x}a/b{y}/c{z}", "/{z}{y}{x}"),
    ("/a{x}*", "/{x}"),
    ("/*a", None),
    ("/**a", None),
    ("/{x=a/b}c", "/r{x}"),
)
PATHS = (
    *("/", "/a", "/ab", "/abc?q=1", "/a*", "/a**", "/x", "/***", "/a.z.b/c", "/a..b/c", "/aXXb/c", "/aa/", "/za/"),
    *("/a(b'7')", "/a(b'')", "/axx/yb/c", "/ab/c", "/a/b", "/aaa/b", "/a/ya/by/cz", "/a/a/b/c", "/a/bc", "/a*b"),
    *("/x*", "/a/b/a", "/a/b/xa", "/none"),
)
NUMBERS: tuple[Mapping[str, Any], ...] = (
    {"path_with_escaped_slashes_action": 5},
    {"path_with_escaped_slashes_action": 77, "normalize_path": True, "merge_slashes": True},
    {"common_http_protocol_options": {"headers_with_underscores_action": 7}},
)


def settings() -> Iterator[Setting]:
    yield setting("odd templates", [_of_template(*each) for each in TEMPLATES], _template_calls)
    yield setting("unnamed numbers", NUMBERS, _number_calls)


def _of_template(template: str, rewrite: str | None) -> dict[str, Any]:
    match = {"@type": f"{_PATH}match.uri_template.v3.UriTemplateMatchConfig", "path_template": template}
    route: dict[str, Any] = {"cluster": "up"}
    if rewrite is not None:
        config = {"@type": f"{_PATH}rewrite.uri_template.v3.UriTemplateRewriteConfig", "path_template_rewrite": rewrite}
        route["path_rewrite_policy"] = {"name": "rewrite", "typed_config": config}
    made = {"match": {"path_match_policy": {"name": "match", "typed_config": match}}, "route": route}
    return {"route_config": {"name": "t", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [made]}]}}


def _template_calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in PATHS:
        yield call(port, path=path)


def _number_calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for protocol in ("http", "http2"):
        for path in ("/a%2Fb", "/a%5cb/../c", "/a//b", "/a%2F..%2f"):
            for headers in ({}, {"x_y": "z"}):
                yield call(port, path=path, protocol=protocol, headers=headers)
