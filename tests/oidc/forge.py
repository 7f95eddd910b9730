"""Makes tokens, right and wrong ones, without the library that checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.contracts.identity.provider_keys import read_provider_keys
from shared.contracts.identity.provider_tokens import ProviderRules
from shared.contracts.identity.signed import KeyFor, TokenRefused

NOW = 1_800_000_000.0
ISSUER = "https://anmeldung.example/realms/urbanki"
CLIENT, JOBS = "urbanki-galerie", "urbanki-jobs"
RULES = ProviderRules(issuer=ISSUER, client_id=CLIENT)
KID, EC_KID = "rsa-key", "ec-key"
HEADER: dict[str, Any] = {"alg": "RS256", "typ": "JWT", "kid": KID}
TIMES: dict[str, Any] = {"iat": int(NOW), "exp": int(NOW) + 300}
ACCESS: dict[str, Any] = {
    **TIMES,
    "iss": ISSUER,
    "aud": "urbanki-model-server",
    "sub": "f1e2",
    "typ": "Bearer",
    "azp": CLIENT,
    "sid": "s-1",
    "name": "Anna Beispiel",
    "realm_access": {"roles": ["sachbearbeitung"]},
    "groups": ["/kommune/musterstadt"],
}
IDENTITY: dict[str, Any] = {
    **TIMES,
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "f1e2",
    "typ": "ID",
    "azp": CLIENT,
    "nonce": "n-1",
    "sid": "s-1",
}
LOGOUT_HEADER = {**HEADER, "typ": "logout+jwt"}
LOGOUT: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "f1e2",
    "sid": "s-1",
    "iat": int(NOW),
    "exp": int(NOW) + 120,
    "jti": "j-1",
    "typ": "Logout",
    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
}


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return one RSA key for each name."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """Return one elliptic-curve key for each name."""
    return ec.generate_private_key(ec.SECP256R1())


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_entry(key: rsa.RSAPrivateKey, kid: str = KID, **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    entry = {"kty": "RSA", "kid": kid, "n": number(public.n), "e": number(public.e)}
    return {**entry, "use": "sig", "alg": "RS256", **more}


def ec_entry(key: ec.EllipticCurvePrivateKey, kid: str = EC_KID, **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    entry = {"kty": "EC", "crv": "P-256", "kid": kid}
    return {**entry, "x": number(public.x, 32), "y": number(public.y, 32), "use": "sig", **more}


def key_set() -> dict[str, Any]:
    return {"keys": [rsa_entry(rsa_key("ours")), ec_entry(ec_key("ours"), alg="ES256")]}


def key_for() -> KeyFor:
    """Return the look-up of the realm's two keys."""
    known = read_provider_keys(key_set(), ISSUER)

    def find(kid: str) -> Any:
        if kid not in known:
            raise TokenRefused("kid")
        return known[kid]

    return find


def with_rs256(head: bytes, name: str = "ours") -> bytes:
    return rsa_key(name).sign(head, padding.PKCS1v15(), hashes.SHA256())


def with_ps256(head: bytes, name: str = "ours") -> bytes:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    return rsa_key(name).sign(head, scheme, hashes.SHA256())


def with_es256(head: bytes, name: str = "ours") -> bytes:
    r, s = decode_dss_signature(ec_key(name).sign(head, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def with_mac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda head: hmac.new(secret, head, hashlib.sha256).digest()


def part(value: Any) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def token(
    claims: Any = ACCESS, header: Any = HEADER, sign: Callable[[bytes], bytes] = with_rs256
) -> str:
    """Make a token; bytes stand for themselves."""
    head = f"{part(header)}.{part(claims)}"
    return f"{head}.{b64(sign(head.encode()))}"


def changed(claims: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Change claims; an ellipsis takes one away."""
    return {name: value for name, value in {**claims, **values}.items() if value is not ...}
