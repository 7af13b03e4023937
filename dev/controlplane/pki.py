"""The certificates of a bare control plane: one authority, one pair per program.

Called by `dev.controlplane.plane`. Keys are made anew for each control plane, stay in its
folder (mode 0700) and are thrown away with it.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALIDITY = dt.timedelta(days=30)


@dataclass(frozen=True)
class Pair:
    """The two files of a certificate."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """What every program of one control plane trusts."""

    files: Pair
    _key: ec.EllipticCurvePrivateKey
    _certificate: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Make an authority that keeps what it signs in `folder`."""
        folder.mkdir(mode=0o700, parents=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _subject("cloudcafe control plane", ())
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(_write(folder, "ca", certificate, key), key, certificate)

    def issue(
        self, name: str, user: str, groups: Sequence[str] = (), *, hosts: Sequence[str] = ()
    ) -> Pair:
        """Sign a client certificate for a user, a server certificate too if `hosts` are given."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(_subject(user, groups), self._certificate.subject, key)
        if hosts:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return _write(self.files.key.parent, name, certificate, key)

    def kubeconfig(self, file: Path, server: str, user: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig (JSON is valid YAML) that holds its own client certificate."""
        pair = self.issue(f"client-{file.stem}", user, groups)
        cluster = {"server": server, "certificate-authority-data": _base64(self.files.certificate)}
        keys = {
            "client-certificate-data": _base64(pair.certificate),
            "client-key-data": _base64(pair.key),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cloudcafe", "cluster": cluster}],
            "users": [{"name": user, "user": keys}],
            "contexts": [{"name": "cloudcafe", "context": {"cluster": "cloudcafe", "user": user}}],
            "current-context": "cloudcafe",
        }
        _write_secret(file, (json.dumps(config, indent=2) + "\n").encode())
        return file


def service_account_keys(folder: Path) -> Pair:
    """Make the key pair that signs service account tokens; the public half is `certificate`."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = Pair(folder / "sa.pub", folder / "sa.key")
    pair.certificate.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    _write_secret(pair.key, _pem(key))
    return pair


def _subject(user: str, groups: Sequence[str]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _VALIDITY)
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Pair:
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_secret(pair.key, _pem(key))
    return pair


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_secret(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        output.write(content)


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
