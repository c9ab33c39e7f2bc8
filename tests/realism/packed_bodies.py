"""Bodies that a proxy packed, for the calling application; the standard library is all it has."""

import zlib


def unpacked(body: bytes, encoding: str | None) -> str | None:
    """As `curl --compressed` shows it; None: packed in a way that cannot be undone here."""
    if body and encoding in ("br", "zstd"):
        return None
    if body and encoding == "gzip":
        body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body)
    return body.decode("utf-8", "replace")
