"""The exact Location of redirect routes and of require_tls.

envoyproxy/envoy source/common/router/config_impl.cc (newUri) and source/common/http/utility.cc (newUri).
"""

from __future__ import annotations

from attrs import frozen

from ..config.view import View
from ..facts.request import Request
from ..place import Place
from ..reasons import Reason
from .format_operators import FormatFacts
from .format_strings import FormatString, compile_format_string
from .hosts import port_start
from .path_rewrites import PathRule, RegexRewrite, compile_regex_rewrite
from .unmodelled import unmodelled_fields

_CODES = ("MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT")
_STATUS = dict(zip(_CODES, (301, 302, 303, 307, 308), strict=True))
_FIELDS = frozenset(
    {
        "scheme_redirect",
        "https_redirect",
        "host_redirect",
        "port_redirect",
        "path_redirect",
        "prefix_rewrite",
        "regex_rewrite",
        "path_rewrite",
        "response_code",
        "strip_query",
    }
)


@frozen(eq=False)
class Redirect:
    """A redirect action, or (tls) what require_tls answers."""

    name: str
    place: Place | None
    status: int = 301
    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    prefix_rewrite: str | None = None
    regex_rewrite: RegexRewrite | None = None
    path_rewrite: FormatString | None = None
    strip_query: bool = False
    unmodelled: tuple[Reason, ...] = ()

    def location(self, facts: FormatFacts, rule: PathRule) -> str:
        """What the Location header says for this request."""
        request = facts.request
        scheme = self.scheme or request.scheme
        path, own_query = self._path(facts, rule)
        if not path.startswith("/"):
            path = "/" + path
        if self.strip_query and not own_query:
            path = path.partition("?")[0]
        port = f":{self.port}" if self.port is not None else ""
        return f"{scheme}://{self._host(request, scheme)}{port}{path}"

    def _host(self, request: Request, scheme: str) -> str:
        if self.host is not None:
            return self.host
        authority = request.authority or ""
        start = port_start(authority)
        if start is None:
            return authority
        stated = ",".join(request.headers.get("x-forwarded-proto", ()))
        implied = {"http": ":80", "https": ":443"}.get(stated)
        if self.port is not None or (scheme != stated and authority[start:] == implied):
            return authority[:start]
        return authority

    def _path(self, facts: FormatFacts, rule: PathRule) -> tuple[str, bool]:
        """And whether it has a query that was written for it, which strip_query leaves alone."""
        request = facts.request
        _, mark, query = request.path.partition("?")
        made = self.path
        if made is None and self.path_rewrite is not None:
            made = self.path_rewrite.render(facts) or None
        if made is not None:
            return (made, True) if "?" in made else (made + mark + query, False)
        replaced = self.rewritten(facts, rule)
        return request.path if replaced is None else replaced, False

    def rewritten(self, facts: FormatFacts, rule: PathRule) -> str | None:
        """The request's path where a prefix or a pattern of it is replaced."""
        if self.path is None and self.prefix_rewrite is not None:
            return rule.replaced(facts.request.path, self.prefix_rewrite)
        if self.path is None and self.regex_rewrite is not None:
            return self.regex_rewrite.rewritten(facts.request.path)
        return None


def compile_redirect(view: View, name: str) -> Redirect:
    """A RedirectAction."""
    code = view.enum("response_code", _CODES)
    rewrite = view.view("regex_rewrite")
    formatted = view.text("path_rewrite")
    return Redirect(
        name=name,
        place=view.place,
        status=_STATUS.get(code, 301),
        scheme=view.text("scheme_redirect") or ("https" if view.boolean("https_redirect", False) else None),
        host=view.text("host_redirect") or None,
        port=view.integer("port_redirect", 0) or None,
        path=view.text("path_redirect") or None,
        prefix_rewrite=view.text("prefix_rewrite") or None,
        regex_rewrite=None if rewrite is None else compile_regex_rewrite(rewrite),
        path_rewrite=compile_format_string(formatted, view.place_of("path_rewrite")) if formatted else None,
        strip_query=view.boolean("strip_query", False),
        unmodelled=unmodelled_fields(view, _FIELDS, name),
    )


@frozen(eq=False)
class TlsRedirect:
    """require_tls: 301 to https on the same authority, its port kept."""

    name: str
    place: Place | None
    status: int = 301
    unmodelled: tuple[Reason, ...] = ()

    def location(self, facts: FormatFacts, _rule: PathRule) -> str:
        request = facts.request
        return f"https://{request.authority or ''}{request.path}"
