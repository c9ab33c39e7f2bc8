"""Test certificates, made by the openssl command in a folder of the test's own: one authority, any leaves."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field


@define
class Authority:
    """A certificate authority that lives in a folder."""

    folder: Path
    _serial: int = field(default=0)

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        authority = cls(folder)
        subject = ["-subj", "/O=meshsim test authority", "-days", "2"]
        _openssl(
            "req",
            "-x509",
            "-nodes",
            *_NEW_KEY,
            "-keyout",
            str(folder / "root.key"),
            *subject,
            "-out",
            str(folder / "root.pem"),
        )
        return authority

    @property
    def root(self) -> str:
        return (self.folder / "root.pem").read_text()

    def leaf(
        self,
        *,
        uri_sans: Sequence[str] = (),
        dns_sans: Sequence[str] = (),
        expired: bool = False,
        subject: str = "O=meshsim test",
        key: str = "P-256",
    ) -> "Leaf":
        """`subject` is written as Envoy writes it: the most specific part first."""
        self._serial += 1
        stem = self.folder / f"leaf{self._serial}"
        names = [f"URI:{name}" for name in uri_sans] + [f"DNS:{name}" for name in dns_sans]
        extensions = stem.with_suffix(".ext")
        extensions.write_text(
            "extendedKeyUsage=serverAuth,clientAuth\n" + (f"subjectAltName={','.join(names)}\n" if names else "")
        )
        key_file, request, certificate = (str(stem.with_suffix(end)) for end in (".key", ".csr", ".pem"))
        _openssl(
            "req", "-new", "-nodes", *_NEW_KEYS[key], "-keyout", key_file, "-subj", _slashed(subject), "-out", request
        )
        days = "-1" if expired else "2"
        signer = [
            "-CA",
            str(self.folder / "root.pem"),
            "-CAkey",
            str(self.folder / "root.key"),
            "-set_serial",
            str(self._serial + 1),
        ]
        _openssl(
            "x509",
            "-req",
            "-in",
            request,
            *signer,
            "-days",
            "-1" if expired else days,
            "-extfile",
            str(extensions),
            "-out",
            certificate,
        )
        return Leaf(certificate_file=Path(certificate), key_file=Path(key_file))


@define
class Leaf:
    """A certificate and its key, as PEM files."""

    certificate_file: Path
    key_file: Path


def _slashed(subject: str) -> str:
    return "/" + "/".join(reversed(subject.split(",")))


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
_NEW_KEYS = {
    "P-256": _NEW_KEY,
    "P-384": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"),
    "RSA": ("-newkey", "rsa:2048"),
}


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
