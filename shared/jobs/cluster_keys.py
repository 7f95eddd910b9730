"""Keys that keep strangers away from the workers of this machine.

A Dask scheduler runs whatever it is sent, so its port must not be open to the other accounts of the
machine. Both sides of every connection show the certificate that is made here at each start and
never written down. Dask's own temporary certificate begins at the present moment and ends after a
year: a clock that is set back, or a supervisor that runs for long, would lock its workers out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed.security import Security

_NAME = "urbanki-jobs"
_BEFORE, _AFTER = timedelta(days=366), timedelta(days=3660)


def temporary_security() -> Security:
    """Return a fresh key with its certificate for scheduler, workers and client of this process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AFTER)
        .sign(key, hashes.SHA256())
    )
    key_text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")
    certificate_text = certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return Security(
        require_encryption=True,
        tls_ca_file=certificate_text,
        tls_scheduler_key=key_text,
        tls_scheduler_cert=certificate_text,
        tls_worker_key=key_text,
        tls_worker_cert=certificate_text,
        tls_client_key=key_text,
        tls_client_cert=certificate_text,
    )
