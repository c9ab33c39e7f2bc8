"""Flags in, call out; no engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.asking.call_flags import call_from
from meshsim.cli.trace import parser
from meshsim.cli.usage import UsageError
from meshsim.errors import InputError
from meshsim.facts.answer import Answer
from meshsim.facts.call import _READERS, UNSET, Call
from meshsim.facts.conversation import ClientCertificate, ClientTls, ProxyProtocol


def call(*arguments: str) -> Call:
    return call_from(parser().read(arguments))


def test_an_address_alone() -> None:
    assert call("--dst", "10.0.0.5:80") == Call(destination="10.0.0.5:80", tls=None)


def test_a_url() -> None:
    assert call("http://reviews:9080/reviews/1?a=b", "-H", "end-user: jason") == Call(
        destination="reviews:9080",
        authority="reviews:9080",
        path="/reviews/1?a=b",
        headers={"end-user": "jason"},
        tls=None,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--id", "a"], {"id": "a"}),
        (["--from", "sleep"], {"from_": "sleep"}),
        (["--inbound", "--pod", "a"], {"direction": "inbound", "pod": "a"}),
        (["--src", "10.0.0.9:1"], {"source": "10.0.0.9:1"}),
        (["--source", "10.0.0.9"], {"source": "10.0.0.9"}),
        (["--uid", "1337"], {"uid": 1337}),
        (["--gid", "0"], {"gid": 0}),
        (["--groups", "1,2"], {"groups": (1, 2)}),
        (["--mark", "0x539"], {"mark": 1337}),
        (["--transparent"], {"transparent": True}),
        (["--protocol", "tcp"], {"protocol": "tcp"}),
        (["--http1.0"], {"protocol": "http/1.0"}),
        (["--http1.1"], {"protocol": "http/1.1"}),
        (["--http2"], {"protocol": None}),
        (["--http2-prior-knowledge"], {"protocol": "http2"}),
        (["--protocol", "tcp", "--server-first"], {"server_first": True}),
        (["--protocol", "tcp", "--payload", "PING"], {"payload": "PING"}),
        (["--proxy-protocol", "1.2.3.4:5,10.0.0.5:80"], {"proxy_protocol": ProxyProtocol("1.2.3.4:5", "10.0.0.5:80")}),
        (["-X", "DELETE"], {"method": "DELETE"}),
        (["-I"], {"method": "HEAD"}),
        (["-I", "-X", "POST"], {"method": "POST"}),
        (["--host", "a.example"], {"authority": "a.example"}),
        (["--authority", "a.example:81"], {"authority": "a.example:81"}),
        (["-H", "Host: b"], {"authority": "b"}),
        (["-H", "Host:"], {"authority": None}),
        (["-H", "Host;"], {"authority": ""}),
        ([], {"authority": UNSET}),
        (["--path", "/a/../b"], {"path": "/a/../b"}),
        (["-H", "a: 1", "-H", "A: 2"], {"headers": {"a": ("1", "2")}}),
        (["--runtime", "a.b=50", "--runtime", "c=x"], {"runtime": {"a.b": 50, "c": "x"}}),
        (["--random-value", "18446744073709551615"], {"random_value": 2**64 - 1}),
        (["--max-time", "1.5"], {"max_time": "1.5s"}),
        (["-m", "2"], {"max_time": "2s"}),
        (["-m", "0"], {"max_time": None}),
        (["--pick", "0/cluster=outbound|80|v2|h"], {"choices": {"0/cluster": "outbound|80|v2|h"}}),
        (["--answer", "0/filter/a=401"], {"answers": {"0/filter/a": Answer(401)}}),
        (
            ["--answer", '0/filter/a={"status": 401, "body": "a=b"}'],
            {"answers": {"0/filter/a": Answer(401, body="a=b")}},
        ),
        (["-k"], {}),
    ],
)
def test_each_flag_sets_its_field(arguments: list[str], expected: dict[str, Any]) -> None:
    made = call("--dst", "10.0.0.5:80", *arguments)
    for name, value in expected.items():
        assert getattr(made, name) == value


def test_every_call_field_has_a_flag() -> None:
    """`cluster` (a proxy's own call) is not built yet."""
    help_text = parser().format_help()
    flags = {"from": "--from", "direction": "--inbound", "destination": "--dst", "authority": "--host"}
    flags |= {"method": "-X", "headers": "-H", "choices": "--pick", "answers": "--answer", "resolve": "--resolve"}
    for name in set(_READERS) - {"cluster"}:
        assert flags.get(name, "--" + name.replace("_", "-")) in help_text, name


@pytest.mark.parametrize(
    ("arguments", "tls", "protocol"),
    [
        (["https://a.example/"], ClientTls("a.example", ("h2", "http/1.1")), None),
        (["https://A.example./"], ClientTls("A.example", ("h2", "http/1.1")), None),
        (["https://10.0.0.5/"], ClientTls(None, ("h2", "http/1.1")), None),
        (["https://[::1]/"], ClientTls(None, ("h2", "http/1.1")), None),
        (["https://a/", "--http1.1"], ClientTls("a", ("http/1.1",)), "http/1.1"),
        (["https://a/", "--http1.0"], ClientTls("a", ("http/1.0",)), "http/1.0"),
        (["https://a/", "--http2"], ClientTls("a", ("h2", "http/1.1")), None),
        (["tls://a:9000"], ClientTls("a", ()), "tcp"),
        (["tls://a:9000", "--sni", "b", "--alpn", "x, y", "--alpn", "z"], ClientTls("b", ("x", "y", "z")), "tcp"),
        (["https://a/", "--sni", "", "--alpn", ""], ClientTls(None, ()), None),
        (["grpc://a:9000/p.S/M", "--tls"], ClientTls("a", ("h2",)), "grpc"),
        (
            ["--dst", "10.0.0.5:443", "--tls", "--host", "a.example:443"],
            ClientTls("a.example", ("h2", "http/1.1")),
            None,
        ),
        (["--dst", "reviews:443", "--tls"], ClientTls("reviews", ("h2", "http/1.1")), None),
        (["https://a/", "-H", "Host: b"], ClientTls("a", ("h2", "http/1.1")), None),
        (
            ["https://a/", "--client-cert", "spiffe://td/ns/a/sa/b"],
            ClientTls("a", ("h2", "http/1.1"), ClientCertificate(("spiffe://td/ns/a/sa/b",))),
            None,
        ),
        (
            ["https://a/", "--client-cert", '{"dns_sans": ["x"], "expired": true}'],
            ClientTls("a", ("h2", "http/1.1"), ClientCertificate(dns_sans=("x",), expired=True)),
            None,
        ),
        (["http://a/"], None, None),
    ],
)
def test_tls(arguments: list[str], tls: ClientTls | None, protocol: str | None) -> None:
    made = call(*arguments)
    assert (made.tls, made.protocol) == (tls, protocol)


@pytest.mark.parametrize(
    ("arguments", "destination", "authority", "resolve"),
    [
        (["http://a/", "--dst", "10.0.0.5:81"], "10.0.0.5:81", "a", {}),
        (["http://a/", "--connect-to", "::b:81"], "b:81", "a", {}),
        (["http://a/", "--resolve", "A:80:10.0.0.1"], "a:80", "a", {"a:80": "10.0.0.1"}),
        (["http://A/", "--resolve", "*:80:10.0.0.1"], "A:80", "A", {"A:80": "10.0.0.1"}),
        (["http://a/", "--connect-to", "::b:81", "--resolve", "b:81:10.0.0.1"], "b:81", "a", {"b:81": "10.0.0.1"}),
        (["http://a/", "--resolve", "b:80:10.0.0.1"], "a:80", "a", {}),
        (["--host", "a.example"], "a.example", "a.example", {}),
        (["grpc://a:80/p.S/M"], "a:80", "a:80", {}),
    ],
)
def test_where_it_dials_and_whom_it_names(
    arguments: list[str], destination: str, authority: str, resolve: dict[str, str]
) -> None:
    made = call(*arguments)
    assert (made.destination, made.authority, dict(made.resolve)) == (destination, authority, resolve)


def test_credentials_of_the_url() -> None:
    assert call("http://u:p@a/").headers == {"authorization": "Basic dTpw"}
    assert call("http://u:p@a/", "-H", "Authorization: x").headers == {"authorization": "x"}
    assert call("http://u:p@a/", "-H", "Authorization:").headers == {}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], "--dst"),
        (["--dst", "a:80", "--pod", "b"], "--pod"),
        (["--dst", "a:80", "--inbound", "--from", "b"], "--from"),
        (["--dst", "http://a/"], "--dst"),
        (["--dst", "a:http"], "a:http"),
        (["http://a/", "--sni", "x"], "--sni"),
        (["http://a/", "--client-cert", "spiffe://x"], "--client-cert"),
        (["tcp://a:1", "-H", "a: b"], "-H"),
        (["tcp://a:1/path"], "/path"),
        (["http://a/", "--host", "b", "-H", "Host: c"], "--host"),
        (["http://a/", "--path", "a b"], "--path"),
        (["http://a/", "-X", "A B"], "-X"),
        (["http://a/", "--pick", "0/cluster=a", "--pick", "0/cluster=b"], "--pick"),
    ],
)
def test_contradictions_name_the_flag_and_a_remedy(arguments: list[str], names: str) -> None:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert names in caught.value.message + caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize(
    "arguments",
    [
        ["--uid", "-1"],
        ["--uid", "4294967296"],
        ["--mark", "x"],
        ["--pick", "no-equals"],
        ["--runtime", "=x"],
        ["--random-value", "18446744073709551616"],
        ["--proxy-protocol", "a"],
        ["--client-cert", "{"],
        ["--client-cert", '{"uri": []}'],
        ["--protocol", "htp"],
        ["http://a/", "http://b/"],
        ["--al"],
        ["--dst", "10.0.0.5:80", "--by", "colour", "--all"],
        ["--dst", "10.0.0.5:80", "--max-branches", "0", "--all"],
        ["--dst", "10.0.0.5:80", "--max-branches", "x", "--all"],
        ["--hots", "x"],
        ["--dst"],
    ],
)
def test_malformed_flags_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        call(*arguments)


def test_a_misspelt_flag_names_the_near_one() -> None:
    with pytest.raises(UsageError) as caught:
        call("--hots", "x")
    assert "--hots" in str(caught.value)
    assert "--host" in caught.value.hint


TEXTS = st.text(max_size=12) | st.text("/:@[]?#.{}% ahtps0123456789", max_size=24)
FLAGS = st.sampled_from(
    [
        "--dst",
        "--host",
        "--path",
        "-X",
        "-H",
        "--resolve",
        "--connect-to",
        "--src",
        "--sni",
        "--alpn",
        "--client-cert",
        "--pick",
        "--runtime",
        "--uid",
        "--mark",
        "--groups",
        "--proxy-protocol",
        "--payload",
        "--random-value",
    ]
)


@given(st.none() | TEXTS, st.lists(st.tuples(FLAGS, TEXTS), max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_is_typed_is_a_call_or_an_error_with_a_remedy(url: str | None, flags: list[tuple[str, str]]) -> None:
    arguments = [f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}" for flag, value in flags]
    try:
        made = call(*arguments, *([] if url is None else ["--", url]))
    except (InputError, UsageError) as error:
        assert str(error)
        assert error.hint
    else:
        assert made.destination


def test_tls_versions_ciphers_and_curves_as_curl_names_them() -> None:
    said = call("https://a.example/", "--tls-max", "1.1", "--ciphers", "AES128-SHA:AES256-SHA", "--curves", "P-384").tls
    assert isinstance(said, ClientTls)
    assert (said.lowest, said.highest) == (1, 1)
    assert (said.cipher_suites, said.curves) == (("AES128-SHA", "AES256-SHA"), ("P-384",))
    later = call("https://a.example/", "--tlsv1.3").tls
    assert isinstance(later, ClientTls)
    assert (later.lowest, later.highest) == (3, 3)
