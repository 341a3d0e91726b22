"""A certificate authority for one test: it alone vouches for a server on loopback."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a server presents, and what a client must trust to believe it; all PEM files."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


def issue(folder: Path) -> Certificates:
    """Make a new CA and a certificate for `localhost` and `127.0.0.1` in `folder`, valid for two days.

    Both satisfy Python's strict verification (`ssl.VERIFY_X509_STRICT`, the default since 3.13).
    """
    folder.mkdir(parents=True, exist_ok=True)
    ca = ("-subj", "/CN=hearthd test authority", "-keyout", "ca.key", "-out", "ca.crt")
    server = ("-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.crt")
    _make_certificate(folder, *ca, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _make_certificate(
        folder,
        *(*server, "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
    )
    return Certificates(folder / "ca.crt", folder / "server.crt", folder / "server.key")


def _make_certificate(folder: Path, *options: str) -> None:
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2")
    done = subprocess.run(
        ["openssl", "req", "-x509", *new_key, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, f"openssl failed; is it installed?\n{done.stderr}"
