"""Base64 as Envoy decodes it in requests: the standard alphabet, and no bits left over.

envoyproxy/envoy source/common/common/base64.cc; Python's decoder lets stray bits of the last character pass.
"""

from __future__ import annotations

import base64
import binascii

_PADDING = "=="


def decoded(text: str) -> bytes | None:
    """None for what is no Base64. The padding may be there, in part or not at all."""
    bare = text.removesuffix(_PADDING) if text.endswith(_PADDING) else text.removesuffix("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode().rstrip("=") == bare else None
