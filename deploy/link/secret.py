"""A secret that both ends of the wire share: each proves that it has it, and neither sends it.

HMAC-SHA-256 over fresh numbers of both ends (the challenge and response of RFC 2104's keyed hash,
in both directions). It says who may open a link. What then goes over the link is neither encrypted
nor signed: on a network where others can change packets, tunnel it (ssh -L).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from ...errors import ConfigError

MIN_BYTES = 16


def read_secret(path: str | os.PathLike[str]) -> bytes:
    """The secret in a file, without the line's end. Raises ConfigError.

    A file that others may read is refused, as ssh refuses such a key.
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


def new_nonce() -> str:
    """A number that was never used before."""
    return secrets.token_hex(16)


def digest(secret: bytes, who: str, hand_nonce: str, client_nonce: str) -> str:
    """What `who` ("hand" or "client") sends as proof that it has the secret."""
    text = f"sleight {who} {hand_nonce} {client_nonce}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def matches(given: str, wanted: str) -> bool:
    """Compare two proofs in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(), wanted.encode())
