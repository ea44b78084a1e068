# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Opens zip files of anyone: `.npz`, and what `torch.save` writes."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import MAX_VALUES, check_total

_ENTRY = b"PK\x01\x02"  # each entry of the table of contents begins so
_FORMS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others expand without a limit in zipfile


@contextmanager
def opened_zip(content: bytes) -> Iterator[zipfile.ZipFile]:
    """The zip that some bytes are, for reading its parts while entered.

    Raises:
        WeightsError: damaged, also where that shows only while a part is read; too large or too
            many parts, parts that overlap, or a compression that NumPy and PyTorch do not use.
    """
    if content.count(_ENTRY) > MAX_VALUES:  # before zipfile makes a large object of each
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
        OverflowError,  # offsets beyond what a file can have
        LookupError,
        RuntimeError,  # encrypted, or a newer form of zip
        ValueError,
    ) as error:
        raise WeightsError(f"damaged or cut short ({str(error)[:200]})") from None


def _check(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse parts that take more time or memory than the file is large."""
    check_total(sum(entry.file_size for entry in entries))
    if any(entry.compress_type not in _FORMS for entry in entries):
        raise WeightsError("compressed in a way that neither NumPy nor PyTorch writes")
    if sum(entry.compress_size for entry in entries) > size:
        raise WeightsError("damaged: its parts overlap")
    if len({entry.filename for entry in entries}) < len(entries):
        raise WeightsError("damaged: it has two parts of the same name")
