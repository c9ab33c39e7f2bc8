"""The grpc-timeout header. envoyproxy/envoy source/common/grpc/common.cc (getGrpcTimeout, toGrpcTimeout)."""

from __future__ import annotations

import re

from ..facts.request import Request

_VALUE = re.compile(r"([0-9]{1,8})([HMSmun])")
_MILLISECONDS = {"H": 3_600_000, "M": 60_000, "S": 1000, "m": 1}
_PARTS = {"u": 1000, "n": 1_000_000}
_MAX = 99_999_999
"""Eight digits."""


def read_grpc_timeout(request: Request) -> int:
    """Milliseconds, parts of one rounded up; 0 where there is none."""
    found = _VALUE.fullmatch(",".join(request.headers.get("grpc-timeout", ())))
    if found is None:
        return 0
    number, unit = int(found.group(1)), found.group(2)
    return number * _MILLISECONDS[unit] if unit in _MILLISECONDS else -(-number // _PARTS[unit])


def written_grpc_timeout(timeout_ms: int) -> str:
    """In the finest unit that eight digits hold."""
    for unit in "mSM":
        number = timeout_ms // _MILLISECONDS[unit]
        if number <= _MAX:
            return f"{number}{unit}"
    return f"{min(timeout_ms // _MILLISECONDS['H'], _MAX)}H"
