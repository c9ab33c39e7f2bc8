"""Opens connections as a chosen user from chosen addresses and prints what answered. Run inside a namespace.

Arguments: uid, gid. A line of standard input is [source, source port, destination, port]; a line of output is the
listener's answer, or {"where": "refused" | "silence"}.
"""

import json
import os
import socket
import sys

SECONDS = 0.4


def dial(source: str, source_port: int, destination: str, port: int) -> dict[str, object]:
    with socket.socket(socket.AF_INET6 if ":" in destination else socket.AF_INET) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind((source, source_port))
        connection.settimeout(SECONDS)
        try:
            connection.connect((destination, port))
            answer = connection.recv(4096)
        except ConnectionRefusedError:
            return {"where": "refused"}
        except OSError:
            return {"where": "silence"}
        received: dict[str, object] = json.loads(answer) if answer else {"where": "silence"}
        return received


def main() -> None:
    uid, gid = int(sys.argv[1]), int(sys.argv[2])
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    for line in sys.stdin:
        print(json.dumps(dial(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
