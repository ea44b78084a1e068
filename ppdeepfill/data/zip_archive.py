# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
""".zip archives whose entries are stored or deflated."""

import logging
import zipfile
import zlib
from collections.abc import Iterable

from ppdeepfill.data.archives import Archive, Fields
from ppdeepfill.data.names import is_hidden, is_image_name

logger = logging.getLogger(__name__)

READABLE_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
METHOD_NAMES = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "zstandard", 95: "xz", 98: "PPMd"}


class ZipArchive(Archive):
    """A .zip whose entries are stored or deflated."""

    kind = "zip"

    def list_entries(self) -> Iterable[tuple[str, Fields]]:
        with zipfile.ZipFile(self.path) as archive:
            entries = archive.infolist()
            self._warn_of_leading_zip(min((info.header_offset for info in entries), default=0))
            for info in entries:
                if not is_image_name(info.filename):
                    if not info.is_dir() and not is_hidden(info.filename):
                        self._other_names.append(info.filename)
                elif info.flag_bits & 1:
                    self._omitted["encrypted; pack them without a password"] += 1
                elif info.compress_type not in READABLE_METHODS:
                    name = METHOD_NAMES.get(info.compress_type, f"method {info.compress_type}")
                    self._omitted[f"compressed with {name}; pack them with store or deflate"] += 1
                else:
                    yield (
                        info.filename,
                        (info.header_offset, info.compress_size, info.CRC, info.compress_type),
                    )

    def read_bytes(self, index: int) -> bytes:
        offset, size, checksum, method = self.entries[index].tolist()
        header = self.read_at(offset, 30)
        if not header.startswith(b"PK\x03\x04"):
            raise ValueError(f"{self.path.name} is damaged: no entry at byte {offset}")
        name_length = int.from_bytes(header[26:28], "little")
        extra_length = int.from_bytes(header[28:30], "little")
        content = self.read_at(offset + 30 + name_length + extra_length, size)
        try:
            if method == zipfile.ZIP_DEFLATED:
                content = zlib.decompress(content, -zlib.MAX_WBITS)
        except zlib.error as error:
            raise ValueError(f"{self.path.name} is damaged at byte {offset}") from error
        if zlib.crc32(content) != checksum:
            raise ValueError(f"{self.path.name} is damaged: wrong checksum")
        return content

    def _warn_of_leading_zip(self, first: int) -> None:
        """If two zips were joined into one file, we find only the directory of the last one."""
        if first and self.read_at(0, 4) == b"PK\x03\x04":
            logger.warning(
                "%s: %d bytes before its first entry look like another zip, whose images are left "
                "out; unpack both and pack them together",
                self.path,
                first,
            )
