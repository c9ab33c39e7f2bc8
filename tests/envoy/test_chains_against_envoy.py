"""Listener filters and filter chains against a real Envoy on loopback: random listeners, random clients.

Each chain answers with its own name, so what the client reads is the chain that took it.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from meshsim.envoy.listener_filters import run
from meshsim.envoy.listeners import Listener
from meshsim.errors import Rejected
from meshsim.facts.conversation import ClientTls, Conversation
from tests.builders_connection import (
    FILTERS,
    HTTP_INSPECTOR,
    TLS_INSPECTOR,
    connection,
    http,
    listener_config,
    listener_table,
    tcp,
)
from tests.realism.prerequisites import envoy_binary

LISTENERS = 24
CLIENTS = 8
START_SECONDS = 60

LOCAL = ("127.0.0.1", "127.1.0.1", "127.2.0.1")
REMOTE = ("127.0.0.1", "127.0.0.2", "127.1.0.1", "127.9.9.9")
NAMES = (None, "a.b.c", "Q.b.c", "z.c", "x.y", "c", "q.x.y")
PROTOCOLS = ("h2", "istio", "http/1.1", "zz")


def prefixes(texts: list[str]) -> list[dict[str, Any]]:
    return [{"address_prefix": text.partition("/")[0], "prefix_len": int(text.partition("/")[2])} for text in texts]


def random_match(dice: random.Random, port: int) -> dict[str, Any]:
    def some(options: tuple[str, ...]) -> list[str]:
        return dice.sample(options, dice.randint(1, 2))

    made = {
        "destination_port": dice.choice([port, port, 1]),
        "prefix_ranges": prefixes(some(("127.0.0.0/8", "127.1.0.0/16", "127.1.0.1/32", "127.0.0.1/32"))),
        "server_names": some(("a.b.c", "*.b.c", "*.c", "x.y")),
        "transport_protocol": dice.choice(["tls", "raw_buffer"]),
        "application_protocols": some(("h2", "istio", "http/1.1")),
        "direct_source_prefix_ranges": prefixes(some(("127.0.0.0/8", "127.0.0.2/32"))),
        "source_type": dice.choice(["SAME_IP_OR_LOOPBACK", "EXTERNAL"]),
        "source_prefix_ranges": prefixes(some(("127.0.0.0/8", "127.0.0.2/32", "127.0.0.0/16"))),
        "source_ports": [dice.choice([1, 2])],
    }
    likely = {"source_ports": 0.1, "direct_source_prefix_ranges": 0.2}
    return {name: value for name, value in made.items() if dice.random() < likely.get(name, 0.3)}


def answering_chain(name: str, match: dict[str, Any]) -> dict[str, Any]:
    config = {"@type": FILTERS + "network.direct_response.v3.Config", "response": {"inline_string": name}}
    answer = {"name": "envoy.filters.network.direct_response", "typed_config": config}
    return {"name": name, "filters": [answer], "filter_chain_match": match}


def random_listener(dice: random.Random, index: int, port: int) -> tuple[dict[str, Any], Listener]:
    """One that Envoy accepts, which is to say one that we accept."""
    while True:
        chains = [answering_chain(f"c{at}", random_match(dice, port)) for at in range(dice.randint(1, 6))]
        inspectors: list[list[dict[str, Any]]] = [
            [TLS_INSPECTOR, HTTP_INSPECTOR],
            [TLS_INSPECTOR],
            [HTTP_INSPECTOR],
            [],
        ]
        config = listener_config(
            f"l{index}",
            f"0.0.0.0:{port}",
            *chains,
            listener_filters=dice.choice(inspectors),
        )
        if dice.random() < 0.2:
            config["default_filter_chain"] = answering_chain("default", {})
        (compiled,) = listener_table(config).listeners
        with contextlib.suppress(Rejected):
            assert compiled.chains.chains
            return config, compiled


def client_hello(sni: str | None, alpn: list[str]) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=sni).do_handshake()
    return outgoing.read()


@frozen
class Client:
    local: str
    remote: str
    says: Conversation
    sends: bytes


def random_client(dice: random.Random) -> Client:
    sni, alpn = dice.choice(NAMES), dice.sample(PROTOCOLS, dice.randint(0, 3))
    says, sends = dice.choice(
        [
            (http(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (http("http/1.0"), b"GET / HTTP/1.0\r\n\r\n"),
            (tcp("hello world\r\n"), b"hello world\r\n"),
            (tcp(tls=ClientTls(sni, tuple(alpn))), client_hello(sni, alpn)),
        ]
    )
    return Client(dice.choice(LOCAL), dice.choice(REMOTE), says, sends)


def real_chain(client: Client, port: int) -> tuple[str, int]:
    """What the client reads (nothing: closed without a chain), and the port it called from."""
    with socket.socket() as dialled:
        dialled.bind((client.remote, 0))
        dialled.settimeout(10)
        dialled.connect((client.local, port))
        source_port = dialled.getsockname()[1]
        dialled.sendall(client.sends)
        read = b""
        with contextlib.suppress(ConnectionError):
            while part := dialled.recv(100):
                read += part
    return read.decode(), source_port


def our_chain(listener: Listener, client: Client, source_port: int) -> str:
    (_ip, port) = listener.addresses[0]
    seen = connection(f"{client.local}:{port}", f"{client.remote}:{source_port}")
    found = run(listener.listener_filters, seen, client.says, True, lambda _each: True)
    picked = listener.chains.pick(found.connection, lambda _options: 0)
    winner, _ = listener.chains.explain(found.connection, picked)
    assert winner is picked
    return picked.label if picked is not None else ""


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("0.0.0.0", 0))
        return [each.getsockname()[1] for each in held]


@contextlib.contextmanager
def running(binary: Path, bootstrap: dict[str, Any], folder: Path) -> Iterator[None]:
    config, messages = folder / "bootstrap.json", folder / "envoy.txt"
    config.write_text(json.dumps(bootstrap))
    options = ["--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "1", "-l", "info"]
    options += ["--file-flush-interval-msec", "20"]
    with messages.open("wb") as output:
        process = subprocess.Popen([binary, "-c", config, *options], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while "starting workers" not in messages.read_text(errors="replace"):
            assert process.poll() is None and time.monotonic() < deadline, messages.read_text(errors="replace")[-2000:]
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(timeout=20)


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no envoy to compare with")
def test_random_clients_of_random_listeners_get_the_chain_that_envoy_gives_them(tmp_path: Path) -> None:
    dice = random.Random(20)
    made = [random_listener(dice, index, port) for index, port in enumerate(free_ports(LISTENERS))]
    binary = envoy_binary()
    assert binary is not None
    differences = []
    answers = set()
    with running(binary, {"static_resources": {"listeners": [config for config, _ in made]}}, tmp_path):
        for config, listener in made:
            _ip, port = listener.addresses[0]
            for client in (random_client(dice) for _ in range(CLIENTS)):
                real, source_port = real_chain(client, port)
                ours = our_chain(listener, client, source_port)
                answers.add(real)
                if real != ours:
                    differences.append((real, ours, client.local, client.remote, client.says, config))
    assert differences == []
    assert len(answers) > 3, "the clients hardly met any chain, so nothing was compared"
