"""A call's defaults, filled in at one place, and where it enters the walk."""

from __future__ import annotations

import pytest

import meshsim
from meshsim.address import format_ip
from meshsim.entry import UNRESOLVED, complete
from meshsim.errors import InputError
from meshsim.facts.call import Call, read_call
from meshsim.facts.conversation import ClientTls, ProxyProtocol

MESH_API = meshsim.load_demo()
MESH = MESH_API.compiled


def completed(**fields: object) -> Call:
    return complete(MESH, Call(**fields))[0]  # type: ignore[arg-type]


def test_the_defaults_are_curls_and_the_pods() -> None:
    call = completed(destination="10.0.0.5:80")
    assert (call.from_, call.source, call.uid, call.gid) == ("sleep", "10.80.3.109:40000", 1000, 1000)
    assert (call.method, call.path, call.authority, call.tls) == ("GET", "/", "10.0.0.5", None)
    assert call.protocol == "http/1.1"


@pytest.mark.parametrize(
    ("destination", "authority"),
    [
        ("10.0.0.5:80", "10.0.0.5"),
        ("10.0.0.5:443", "10.0.0.5"),
        ("10.0.0.5:8080", "10.0.0.5:8080"),
        ("[::1]:80", "[::1]"),
    ],
)
def test_the_authority_keeps_its_port_unless_http_or_https_own_it(destination: str, authority: str) -> None:
    assert completed(destination=destination).authority == authority


def test_an_authority_of_null_sends_no_host_header_and_is_not_filled_in() -> None:
    assert completed(destination="10.0.0.5:80", authority=None).authority is None


def test_a_grpc_call_is_a_post_over_http2() -> None:
    call = completed(destination="10.0.0.5:80", protocol="grpc")
    assert (call.protocol, call.method, call.headers["content-type"]) == ("http2", "POST", "application/grpc")


def test_loopback_is_called_from_loopback_and_outside_from_a_documentation_address() -> None:
    assert completed(destination="127.0.0.5:80").source == "127.0.0.1:40000"
    assert completed(destination="10.80.3.109:80", from_="outside").source == "192.0.2.1:40000"


def test_a_destination_named_by_the_authority_alone() -> None:
    assert completed(authority="10.0.0.5:8080").destination == "10.0.0.5:8080"
    assert completed(authority="10.0.0.5", tls=ClientTls()).destination == "10.0.0.5:443"


@pytest.mark.parametrize(
    ("call", "address", "by"),
    [
        (Call(destination="legacy:80"), "10.96.40.40", "host-facts"),
        (
            Call(destination="nowhere.example:80", resolve={"nowhere.example:80": "10.9.9.9"}),
            "10.9.9.9",
            "resolve-option",
        ),
        (Call(destination="nowhere.example:80", resolve={"nowhere.example": "10.9.9.9"}), "10.9.9.9", "resolve-option"),
        (Call(destination="nowhere.example:80"), format_ip(UNRESOLVED), "assumed"),
    ],
)
def test_names_are_resolved_as_the_pod_would(call: Call, address: str, by: str) -> None:
    done, resolution, assumed = complete(MESH, call)
    assert resolution is not None
    assert (done.destination, resolution.by) == (f"{address}:80", by)
    assert (assumed is not None) == (by == "assumed")


def test_a_service_of_a_dump_without_host_facts_is_found_in_its_own_configuration() -> None:
    dump = next(path for path in meshsim.demo.capture_paths()) / "sleep" / "config_dump.json"
    mesh = meshsim.load(dump).compiled
    for name, address in (
        ("legacy.default", "10.96.40.40:80"),
        ("redis", "10.96.50.50:6379"),
        ("echo", "10.96.70.70:9000"),
    ):
        done, resolution, _ = complete(mesh, Call(destination=f"{name}:{address.partition(':')[2]}"))
        assert resolution is not None
        assert (done.destination, resolution.by) == (address, "service")
        assert resolution.place is not None


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({}, "no-destination"),
        ({"destination": "10.0.0.5:99999"}, "bad-destination"),
        ({"destination": ":80"}, "bad-destination"),
        ({"destination": "10.0.0.5:80", "source": "nobody"}, "bad-source"),
        ({"destination": "10.0.0.5:80", "from_": "slep"}, "unknown-pod"),
        ({"destination": "a:80", "resolve": {"a": "b"}}, "bad-resolve"),
    ],
)
def test_an_unusable_call_names_what_is_wrong(fields: dict[str, object], reference: str) -> None:
    with pytest.raises(InputError) as caught:
        completed(**fields)
    assert caught.value.reference == reference
    assert caught.value.hint


@pytest.mark.parametrize(
    "document",
    [
        {"destination": 5},
        {"desination": "10.0.0.5:80"},
        {"tls": {"snii": "x"}},
        {"uid": -1},
        {"uid": True},
        {"random_value": 1 << 64},
        {"protocol": "http/3"},
        {"proxy_protocol": {"source": "1.2.3.4:5"}},
        [],
        "x",
    ],
)
def test_a_call_document_that_is_wrong_is_refused_by_field(document: object) -> None:
    with pytest.raises(InputError):
        read_call(document)


def test_a_call_document_reads_every_field() -> None:
    call = read_call(
        {
            "id": 7,
            "from": "sleep",
            "destination": "10.0.0.5:80",
            "tls": {"sni": "a", "alpn": ["h2"], "client_certificate": "spiffe://td/ns/a/sa/b"},
            "headers": {"X-User": "jason", "x-user": ["a", "b"]},
            "choices": {"0/cluster": "x"},
        }
    )
    assert call.header_values() == {"x-user": ("jason", "a", "b")}
    assert isinstance(call.tls, ClientTls)
    assert call.tls.client_certificate is not None
    assert call.tls.client_certificate.uri_sans == ("spiffe://td/ns/a/sa/b",)


def test_the_address_is_the_one_the_kernel_connects_to() -> None:
    mapped = completed(destination="[::ffff:10.0.0.5]:80")
    assert (mapped.destination, mapped.source, mapped.authority) == (
        "10.0.0.5:80",
        "10.80.3.109:40000",
        "[::ffff:10.0.0.5]",
    )
    assert completed(destination="0.0.0.0:80").destination == "127.0.0.1:80"
    assert completed(destination="[::]:80").destination == "[::1]:80"
    assert completed(destination="0.0.0.0:80", direction="inbound", pod="sleep").destination == "0.0.0.0:80"


def test_a_pod_without_an_ipv6_address_calls_ipv6_from_a_documentation_address() -> None:
    assert completed(destination="[fd00::9]:80").source == "[2001:db8::1]:40000"


@pytest.mark.parametrize("text", ["10.0.0.300:80", "10.0.5:80", "010.0.0.5:80", "0x0a000005", ":::8080", "a:b:80"])
def test_what_is_almost_an_address_is_not_taken_for_a_name(text: str) -> None:
    with pytest.raises(InputError, match="destination: "):
        completed(destination=text)


@pytest.mark.parametrize("text", ["", " ", "a b:80", "http://x/", "x/y", "*:80", "a..b", ".:80", "\0", "a\u200b:80"])
def test_what_no_resolver_takes_is_no_destination(text: str) -> None:
    for fields in ({}, {"direction": "inbound"}):
        with pytest.raises(InputError, match="destination"):
            completed(destination=text, **fields)


def test_a_destination_with_credentials_is_refused_without_repeating_them() -> None:
    with pytest.raises(InputError) as caught:
        completed(destination="user:hunter2@reviews:80")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"pod": "sleep"},
        {"direction": "inbound", "from_": "sleep"},
        {"source": "[::1]:5"},
        {"proxy_protocol": ProxyProtocol("10.0.0.1:1", "[::1]:2")},
        {"headers": {"x": "a\r\nb: c"}},
        {"headers": {"x": ("a", "b\0")}},
    ],
    ids=str,
)
def test_what_cannot_be_so_is_an_input_error_and_not_silently_something_else(fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        completed(destination="10.0.0.5:80", **fields)


def test_a_header_without_values_is_not_sent() -> None:
    assert completed(destination="10.0.0.5:80", headers={"x": (), "y": "1"}).headers == {"y": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        {"destination": 5},
        {"headers": {"x": 5}},
        {"direction": "sideways"},
        {"protocol": "http3"},
        {"uid": -5},
        {"tls": True},
        {"path": "/\ud800"},
    ],
    ids=ascii,
)
def test_a_call_made_in_python_is_judged_like_a_call_document(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="call field"):
        completed(**{"destination": "10.0.0.5:80", **fields})


def test_a_dictionary_is_no_call() -> None:
    with pytest.raises(InputError, match="dict is no Call"):
        MESH_API.trace({"destination": "10.0.0.5:80"})  # type: ignore[arg-type]
