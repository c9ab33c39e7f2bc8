"""The certificates that the clients of a setting present: made of what calls state."""

import json
from collections.abc import Mapping
from typing import Any

from tests.realism.certificates import Authority


class Presented:
    """Each kind is made once."""

    def __init__(self, authority: Authority) -> None:
        self._trusted = authority
        self._other: Authority | None = None
        self._made: dict[str, dict[str, str]] = {}

    def shown_by(self, tls: Mapping[str, Any]) -> dict[str, Any]:
        """The TLS of a call with the files of its certificate."""
        wanted = tls.get("client_certificate")
        if wanted is None:
            return dict(tls)
        stated = {"uri_sans": [wanted]} if isinstance(wanted, str) else dict(wanted)
        key = json.dumps(stated, sort_keys=True)
        if key not in self._made:
            self._made[key] = self._make(**stated)
        return {**tls, **self._made[key]}

    def _make(self, *, trusted: bool = True, subject: str = "", **stated: Any) -> dict[str, str]:
        if not trusted and self._other is None:
            folder = self._trusted.folder / "other"
            folder.mkdir()
            folder.chmod(0o755)
            self._other = Authority.create(folder)
        authority = self._trusted if trusted or self._other is None else self._other
        leaf = authority.leaf(subject=subject, **stated)
        for path in (leaf.certificate_file, leaf.key_file):
            path.chmod(0o644)
        return {"certificate_file": str(leaf.certificate_file), "key_file": str(leaf.key_file)}
