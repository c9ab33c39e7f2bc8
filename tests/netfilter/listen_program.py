"""Listens on ports of every address and tells each client what the accepted socket knows. Run inside a namespace.

Arguments: a name for the answers, then the ports. Prints one line when it listens. Ends when standard input closes.
"""

import json
import selectors
import socket
import struct
import sys

SO_ORIGINAL_DST = 80
"""linux include/uapi/linux/netfilter_ipv4.h and, with the same number, netfilter_ipv6/ip6_tables.h"""


def original_destination(client: socket.socket, *, v6: bool) -> tuple[str, int] | None:
    try:
        if v6:
            answer = client.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
            return socket.inet_ntop(socket.AF_INET6, answer[8:24]), int.from_bytes(answer[2:4], "big")
        answer = client.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    except OSError:
        return None
    _, port, address = struct.unpack_from("!2sH4s", answer)
    return socket.inet_ntoa(address), port


def listen(port: int, *, v6: bool) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if v6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("::" if v6 else "0.0.0.0", port))
    listener.listen(16)
    return listener


def main() -> None:
    name, *ports = sys.argv[1:]
    selector = selectors.DefaultSelector()
    for port in ports:
        for v6 in (False, True):
            selector.register(listen(int(port), v6=v6), selectors.EVENT_READ, v6)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("listening", flush=True)
    while True:
        for key, _ in selector.select():
            if not isinstance(key.fileobj, socket.socket):
                return
            client, peer = key.fileobj.accept()
            with client:
                answer = {
                    "where": name,
                    "port": key.fileobj.getsockname()[1],
                    "local": client.getsockname()[:2],
                    "peer": peer[:2],
                    "original": original_destination(client, v6=key.data),
                }
                client.sendall(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
