# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Open untrusted zip files: `.npz`, and files of `torch.save`."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import MAX_VALUES, check_total

_ENTRY = b"PK\x01\x02"  # each entry of the table of contents starts with these bytes
_FORMS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile expands others without a limit


@contextmanager
def opened_zip(content: bytes) -> Iterator[zipfile.ZipFile]:
    """Yield an open zip archive of the given bytes.

    Raises:
        WeightsError: it is damaged (raised also while a part is read), too large, or has too many
            or overlapping parts, or a compression that NumPy and PyTorch do not use.
    """
    if content.count(_ENTRY) > MAX_VALUES:  # before zipfile creates a large object for each
        raise WeightsError(f"more than {MAX_VALUES:,} parts")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive.infolist(), len(content))
            yield archive
    except WeightsError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OverflowError,  # offsets beyond any file size
        LookupError,
        RuntimeError,  # encrypted, or a newer zip version
        ValueError,
    ) as error:
        raise WeightsError(f"damaged or truncated ({str(error)[:200]})") from None


def _check(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse parts that would take too much time or memory for the size of the file."""
    check_total(sum(entry.file_size for entry in entries))
    if any(entry.compress_type not in _FORMS for entry in entries):
        raise WeightsError("compressed in a way that neither NumPy nor PyTorch uses")
    if sum(entry.compress_size for entry in entries) > size:
        raise WeightsError("damaged: its parts overlap")
    if len({entry.filename for entry in entries}) < len(entries):
        raise WeightsError("damaged: two of its parts have the same name")
