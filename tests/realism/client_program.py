"""The calling application: runs inside a namespace under a chosen uid; a call a line in, what it saw a line out.

Stands alone (the standard library, and its neighbour for HTTP/2), because it is started with the bare interpreter.
Sockets are raw, so that a Host header may be absent or odd and nothing is added to what the call states.
"""

import contextlib
import encodings.idna  # noqa: F401  loaded while it can be: the uid may not be allowed to read the interpreter's folder
import http.client
import json
import os
import socket
import ssl
import sys
import warnings
from pathlib import Path
from typing import Any

# The bare interpreter looks for modules in no folder of ours; the calling uid may not be allowed to read them later.
sys.path.append(str(Path(__file__).parent))
import http2_client
from packed_bodies import unpacked

HTTP2 = ("http2", "grpc")
MOST_READS = 64
READ_LIMIT = 1 << 16


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # of TLS versions that only a test still speaks
    uid, gid = int(sys.argv[1]), int(sys.argv[2])
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(call: dict[str, Any]) -> dict[str, Any]:
    """Make one call; `ended` uses the words of the trace document's client_sees."""
    seen: dict[str, Any] = {
        "ended": "nothing",
        "detail": None,
        "status": None,
        "headers": [],
        "body": "",
        "local": None,
    }
    connection = socket.socket(socket.AF_INET6 if ":" in call["destination"][0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(call["timeout"])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if call.get("mark"):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, call["mark"])
        connection.bind(tuple(call["source"]))
        try:
            connection.connect(tuple(call["destination"]))
        except ConnectionRefusedError:
            return {**seen, "ended": "refused"}
        except OSError as error:
            return {**seen, "detail": _words(error)}
        seen["local"] = _join(connection.getsockname())
        _converse(connection, call, seen)
    finally:
        with contextlib.suppress(OSError):
            connection.close()
    return seen


def _converse(plain: socket.socket, call: dict[str, Any], seen: dict[str, Any]) -> None:
    connection = plain
    try:
        header = _proxy_header(call["proxy_protocol"]) if call.get("proxy_protocol") else b""
        if call.get("tls") is not None:
            plain.sendall(header)
            header = b""
            connection = _handshake(plain, call["tls"])
            assert isinstance(connection, ssl.SSLSocket)
            seen["alpn"] = connection.selected_alpn_protocol()
        if call["protocol"] in HTTP2 and "bytes" not in call:
            connection.sendall(header)
            other = http2_client.converse(connection, call, seen, secure=call.get("tls") is not None)
            if other is not None:
                _read_answer(other, seen)
            return
        payload = _request(call) if call["protocol"].startswith("http") else call.get("payload", "").encode()
        if header or payload:
            connection.sendall(header + payload)
        if call["protocol"].startswith("http"):
            _read_response(connection, call["method"], seen)
        else:
            _read_data(connection, seen)
    except ssl.SSLError as error:
        seen.update(ended="tls_alert" if "ALERT" in str(error.reason) else "closed", detail=str(error.reason))
    except TimeoutError:
        if call.get("method") != "CONNECT" or seen.get("status") != 200:
            # A tunnel that stands is an answer, though nothing more comes out of it.
            seen.update(ended="nothing", detail="timeout")
    except (ConnectionResetError, BrokenPipeError):
        seen.update(ended="closed", detail="reset")
    except http.client.HTTPException as error:
        seen.update(ended="closed", detail=type(error).__name__)
    except OSError as error:
        seen.update(ended="closed", detail=_words(error))


def _proxy_header(stated: dict[str, Any]) -> bytes:
    """Version 1, as text."""
    (source, source_port), (to, to_port) = (stated[end].rsplit(":", 1) for end in ("source", "destination"))
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source.strip('[]')} {to.strip('[]')} {source_port} {to_port}\r\n".encode()


def _handshake(plain: socket.socket, tls: dict[str, Any]) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if tls.get("alpn"):
        context.set_alpn_protocols(tls["alpn"])
    if tls.get("certificate_file"):
        context.load_cert_chain(tls["certificate_file"], tls["key_file"])
    if tls.get("maximum_version") or tls.get("minimum_version"):
        versions = {f"1.{x}": getattr(ssl.TLSVersion, f"TLSv1_{x}") if x else ssl.TLSVersion.TLSv1 for x in range(4)}
        # OpenSSL signs nothing with SHA-1, as TLS before 1.2 does, above this level
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = versions[tls.get("minimum_version") or min("1.2", tls["maximum_version"])]
        context.maximum_version = versions[tls.get("maximum_version") or "1.3"]
    if tls.get("cipher_suites"):
        context.set_ciphers(":".join(tls["cipher_suites"]) + ":@SECLEVEL=0")
    if tls.get("curves"):
        context.set_ecdh_curve({"P-256": "prime256v1", "P-384": "secp384r1"}[tls["curves"][0]])
    return context.wrap_socket(plain, server_hostname=tls.get("sni"))


def _request(call: dict[str, Any]) -> bytes:
    if "bytes" in call:
        return bytes(call["bytes"], "latin-1")
    version = "HTTP/1.0" if call["protocol"] == "http/1.0" else "HTTP/1.1"
    lines = [f"{call['method']} {call['path']} {version}"]
    if call.get("authority") is not None:
        lines.append(f"Host: {call['authority']}")
    for name, value in call.get("headers", {}).items():
        lines += [f"{name}: {one}" for one in (value if isinstance(value, list) else [value])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _read_response(connection: socket.socket, method: str, seen: dict[str, Any]) -> None:
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
    except http.client.RemoteDisconnected:
        seen.update(ended="closed", detail="eof")
        return
    headers = [[name.lower(), _text(value.encode("latin-1"))] for name, value in response.getheaders()]
    seen.update(ended="response", status=response.status, headers=headers)
    seen["body"] = unpacked(response.read(READ_LIMIT), response.getheader("content-encoding"))
    for _ in range(MOST_READS):
        # Whoever hangs up in the middle of a long answer is logged as a client that left.
        if not response.read(READ_LIMIT):
            break


def _read_data(connection: socket.socket, seen: dict[str, Any]) -> None:
    _read_answer(connection.recv(READ_LIMIT), seen)


def _read_answer(data: bytes, seen: dict[str, Any]) -> None:
    if data.startswith(b"HTTP/1."):
        # A proxy may answer in HTTP what was no HTTP.
        head, _, body = data.partition(b"\r\n\r\n")
        lines = _text(head).split("\r\n")
        headers = [[name.lower(), value.strip()] for name, _, value in (line.partition(":") for line in lines[1:])]
        status = int(lines[0].split(" ")[1])
        seen.update(ended="response", status=status, headers=headers, body=body.decode("utf-8", "replace"))
    elif data:
        seen.update(ended="data", body=data.decode("utf-8", "replace"))
    else:
        seen.update(ended="closed", detail="eof")


def _join(address: Any) -> str:
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


if __name__ == "__main__":
    main()
