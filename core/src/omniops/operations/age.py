"""Files in the age format (age-encryption.org/v1): stock `age` opens them without us.

The key is derived from the root's secrets, so that every machine that holds the root can open every backup, and no
password has to be kept anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pyrage

from omniops.contracts.root_keys import RootProvider
from omniops.errors import Refused, Rejected

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def identity(root: RootProvider) -> Any:
    """The deployment's own age identity. `str()` of it is what `age --decrypt --identity` takes."""
    return pyrage.x25519.Identity.from_str(_bech32("age-secret-key-", bytes.fromhex(root.secret("backup"))).upper())


def recipients(root: RootProvider, others: Sequence[str] = ()) -> list[Any]:
    """The deployment itself, and the age recipients that the operator adds. Raises `Rejected`."""
    found = [identity(root).to_public()]
    for other in others:
        try:
            found.append(pyrage.x25519.Recipient.from_str(other))
        except pyrage.RecipientError:
            raise Rejected(
                f"{other!r} is no age recipient.", code="bad_recipient", do="Give the public key, `age1…`."
            ) from None
    return found


def encrypt(reader: IO[bytes], writer: IO[bytes], to: Sequence[Any]) -> None:
    """Encrypts a stream."""
    pyrage.encrypt_io(reader, writer, list(to))


def decrypt(path: Path, writer: IO[bytes], root: RootProvider, identity_file: Path | None = None) -> None:
    """Decrypts a file. Raises `Refused` when it was changed, or was made for somebody else."""
    keys = [identity(root)]
    if identity_file is not None:
        lines = [line for line in identity_file.read_text().splitlines() if line and not line.startswith("#")]
        keys = [pyrage.x25519.Identity.from_str(line.strip()) for line in lines]
    try:
        with path.open("rb") as reader:
            pyrage.decrypt_io(reader, writer, keys)
    except (pyrage.DecryptError, OSError) as error:
        raise Refused(
            f"The backup {path} does not open: {error}.",
            reason="backup_damaged",
            do="It was changed or cut off, or belongs to another root. Take another copy.",
        ) from error


def _bech32(prefix: str, data: bytes) -> str:
    """BIP 173, as age writes its keys."""
    bits = int.from_bytes(data) << (-len(data) * 8) % 5
    count = (len(data) * 8 + 4) // 5
    values = [bits >> 5 * (count - 1 - place) & 31 for place in range(count)]
    head = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = _polymod([*head, *values, *[0] * 6]) ^ 1
    return prefix + "1" + "".join(_LETTERS[v] for v in [*values, *(check >> 5 * (5 - n) & 31 for n in range(6))])


def _polymod(values: Sequence[int]) -> int:
    sums = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(sums):
            check ^= generator if top >> place & 1 else 0
    return check
