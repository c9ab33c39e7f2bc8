"""The called applications: one process a namespace, a thread a connection; each echoes what it received.

Stands alone (the standard library, and its neighbours). Reads the list of sockets as JSON from standard
input, prints `ready`, then a JSON line for everything it receives. A socket's `speaks`: http, http2, tcp, banner (the
server speaks first), silent, close, reset, judges and over_limit (services that proxies ask), and auto (whatever the
first byte announces); `tls` wraps it.
"""

import contextlib
import json
import re
import socket
import ssl
import struct
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
import http2_server
import verdicts

IDLE_SECONDS = 5.0
HEAD_LIMIT = 1 << 16
SWITCHING = 101
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_printing = threading.Lock()


def main() -> None:
    sockets = json.loads(sys.stdin.readline())
    listeners = [(_listen(spec), spec) for spec in sockets]
    for listener, spec in listeners:
        threading.Thread(target=_accept, args=(listener, spec), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def _listen(spec: dict[str, Any]) -> socket.socket:
    host, _, port = spec["listen"].rpartition(":")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Lets a wildcard and a specific address share a port; the kernel then prefers the specific one.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, int(port)))
    listener.listen(128)
    return listener


def _accept(listener: socket.socket, spec: dict[str, Any]) -> None:
    while True:
        connection, peer = listener.accept()
        threading.Thread(target=_serve, args=(connection, peer, spec), daemon=True).start()


def _serve(connection: socket.socket, peer: tuple[str, int], spec: dict[str, Any]) -> None:
    seen: dict[str, Any] = {
        "name": spec.get("name", spec["listen"]),
        "local": "{}:{}".format(*connection.getsockname()[:2]),
        "peer": "{}:{}".format(*peer[:2]),
        "tls": None,
        "protocol": None,
    }
    stream = connection
    try:
        connection.settimeout(IDLE_SECONDS)
        speaks = spec["speaks"]
        first = b"" if speaks in ("banner", "close", "reset", "silent") else connection.recv(1, socket.MSG_PEEK)
        if spec.get("tls") and (speaks != "auto" or first == b"\x16"):
            stream = _accept_tls(connection, spec["tls"], seen)
        already = b""
        if speaks == "auto":
            already = stream.recv(HEAD_LIMIT)
            speaks = _announced(already)
        _SPEAKERS[speaks](stream, spec, seen, already)
    except ssl.SSLError as error:
        _write({**seen, "failure": str(error.reason)})
    except TimeoutError:
        _write({**seen, "failure": "timeout"})
    except OSError as error:
        _write({**seen, "failure": error.strerror or str(error)})
    finally:
        with contextlib.suppress(OSError):
            stream.close()


def _announced(first: bytes) -> str:
    if first.startswith(HTTP2_PREFACE[:16]):
        return "http2"
    return "http" if re.match(rb"[A-Z]+ \S+ HTTP/1", first) else "tcp"


def _accept_tls(connection: socket.socket, tls: dict[str, Any], seen: dict[str, Any]) -> ssl.SSLSocket:
    if connection.recv(1, socket.MSG_PEEK) != b"\x16":
        connection.recv(HEAD_LIMIT)  # what is left unread turns a close into a reset
        raise OSError(0, "no TLS")
    hello = client_hello(connection)
    seen["tls"] = {**hello, "alpn": None, "client_certificate": None}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls["certificate_file"], tls["key_file"])
    if tls.get("alpn"):
        context.set_alpn_protocols(tls["alpn"])
    if tls.get("client_certificate", "optional") != "none":
        context.load_verify_locations(tls["root_file"])
        context.verify_mode = ssl.CERT_REQUIRED if tls.get("client_certificate") == "required" else ssl.CERT_OPTIONAL
    wrapped = context.wrap_socket(connection, server_side=True)
    seen["tls"]["alpn"] = wrapped.selected_alpn_protocol()
    certificate = wrapped.getpeercert()
    names: Any = certificate.get("subjectAltName", ()) if certificate else ()
    seen["tls"]["client_certificate"] = [value for kind, value in names if kind == "URI"] if certificate else None
    return wrapped


def _speak_http(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    buffer = already
    while True:
        while b"\r\n\r\n" not in buffer:
            more = stream.recv(HEAD_LIMIT)
            if not more:
                if buffer:
                    _write({**seen, "failure": "eof", "received": buffer.decode("latin-1")})
                return
            buffer += more
            if not buffer[:1].isalpha():
                _write({**seen, "failure": "not http", "received": buffer.decode("latin-1")})
                return
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        # a target may hold blanks: a proxy that writes a query anew leaves those of its names as they are
        method, _, rest = lines[0].partition(" ")
        path, _, version = rest.rpartition(" ")
        if not path or not version.startswith("HTTP/"):
            _write({**seen, "failure": "not http", "received": head.decode("latin-1")})
            return
        headers = [
            [name.strip().lower(), value.strip()] for name, _, value in (line.partition(":") for line in lines[1:])
        ]
        length = int(next((value for name, value in headers if name == "content-length"), "0"))
        while len(buffer) < length:
            buffer += stream.recv(HEAD_LIMIT)
        body, buffer = buffer[:length], buffer[length:]
        record = {
            **seen,
            "protocol": version.lower(),
            "method": method,
            "path": path,
            "authority": next((value for name, value in headers if name == "host"), None),
            "headers": headers,
            "body": body.decode("latin-1"),
        }
        _write(record)
        answer = json.dumps(record).encode()
        status = spec.get("status", 200)
        if status == SWITCHING:
            stream.sendall(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" + answer)
            while stream.recv(HEAD_LIMIT):
                pass
            return
        start = f"HTTP/1.1 {status} Echo\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"
        stream.sendall(start.encode() + (b"" if method == "HEAD" else answer))


def _judge(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    """An authorisation service that answers each request as its query says."""
    if (already or stream.recv(HEAD_LIMIT, socket.MSG_PEEK)).startswith(HTTP2_PREFACE[:16]):
        http2_server.judge(stream, already, verdicts.stated)
        return
    while b"\r\n\r\n" not in already:
        already += stream.recv(HEAD_LIMIT)
    method, path = already.split(b" ")[:2]
    answer = verdicts.stated(path)
    lines = [f"{name}: {value}" for name, value in (*answer.headers, *_framing(answer.body))]
    head = "\r\n".join([f"HTTP/1.1 {answer.status} Judged", *lines, "", ""])
    stream.sendall(head.encode() + (b"" if method == b"HEAD" else answer.body))


def _framing(body: bytes) -> list[tuple[str, str]]:
    return [("content-length", str(len(body))), ("connection", "close")]


def _limit(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    http2_server.limit(stream)


def _speak_http2(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    http2_server.serve(stream, spec, seen, already, _write)


def _speak_tcp(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    data = already or stream.recv(HEAD_LIMIT)
    record = {**seen, "protocol": "tcp", "received": data.decode("latin-1")}
    _write(record)
    if data:
        stream.sendall(json.dumps(record).encode() + b"\n")
        with contextlib.suppress(TimeoutError):
            stream.recv(1)


def _speak_first(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    _write({**seen, "protocol": "tcp", "received": ""})
    stream.sendall(spec.get("banner", "hello\n").encode())
    stream.recv(HEAD_LIMIT)


def _speak_nothing(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    _write(seen)
    while stream.recv(HEAD_LIMIT):
        pass


def _close(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    # After the first bytes, so that it is certain that the connection stood.
    _write({**seen, "received_bytes": len(stream.recv(HEAD_LIMIT))})


def _reset(stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes) -> None:
    _close(stream, spec, seen, already)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def client_hello(connection: socket.socket) -> dict[str, Any]:
    """SNI and offered ALPN of the ClientHello that waits on the socket, read without taking it."""
    for _ in range(50):
        data = connection.recv(HEAD_LIMIT, socket.MSG_PEEK)
        if len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big"):
            break
        if not data:
            break
        threading.Event().wait(0.01)
    return parse_client_hello(data)


def parse_client_hello(data: bytes) -> dict[str, Any]:
    """RFC 8446 section 4.1.2: skip to the extensions, read server_name (0) and ALPN (16)."""
    found: dict[str, Any] = {"sni": None, "alpn_offered": []}
    at = 5 + 4 + 2 + 32
    at += 1 + data[at]
    at += 2 + int.from_bytes(data[at : at + 2], "big")
    at += 1 + data[at]
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    at += 2
    while at + 4 <= end:
        kind, length = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 4 + length]
        if kind == 0:
            found["sni"] = body[5 : 5 + int.from_bytes(body[3:5], "big")].decode("latin-1")
        elif kind == 16:
            inside = 2
            while inside < len(body):
                found["alpn_offered"].append(body[inside + 1 : inside + 1 + body[inside]].decode("latin-1"))
                inside += 1 + body[inside]
        at += 4 + length
    return found


def _write(record: dict[str, Any]) -> None:
    with _printing:
        print(json.dumps(record), flush=True)


_SPEAKERS = {
    "http": _speak_http,
    "http2": _speak_http2,
    "tcp": _speak_tcp,
    "banner": _speak_first,
    "silent": _speak_nothing,
    "close": _close,
    "reset": _reset,
    "judges": _judge,
    "over_limit": _limit,
}


if __name__ == "__main__":
    main()
