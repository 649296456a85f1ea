"""Mutual authentication: both ends prove that they have a shared secret without sending it.

The proof is an HMAC-SHA-256 (RFC 2104) over nonces of both ends: challenge and response in both
directions. It protects the opening of a link: who may open it, and that the hand is no impostor. It
does not protect the stream: commands and states are neither encrypted nor signed, so that whoever
can modify packets on the way can read and change them. There, use a tunnel (ssh -L).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets

from ...errors import ConfigError

MIN_BYTES = 16


def read_secret(path: str | os.PathLike[str]) -> bytes:
    """Read the secret from a file, without the end of line. Raises ConfigError.

    A file that others can read is refused, like a private key of ssh.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(4096).strip()
    except OSError as error:
        raise ConfigError(f"{path}: the secret cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            f"{path}: got mode {mode & 0o777:o}, allowed: 600 (chmod 600), readable by its owner"
        )
    if len(secret) < MIN_BYTES:
        raise ConfigError(f"{path}: got {len(secret)} bytes, allowed: {MIN_BYTES} or more")
    return secret


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; an unknown name counts as reachable by others."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_nonce() -> str:
    """A random number that is used once."""
    return secrets.token_hex(16)


def digest(secret: bytes, who: str, hand_nonce: str, client_nonce: str) -> str:
    """The proof that `who` ("hand" or "client") sends."""
    text = f"sleight {who} {hand_nonce} {client_nonce}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def matches(proof: str, expected: str) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(proof.encode(), expected.encode())
