# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Uncompressed .tar archives."""

import logging
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from ppdeepfill.data.archives import Archive, Fields
from ppdeepfill.data.names import is_hidden, is_image_name
from ppdeepfill.errors import DataError
from ppdeepfill.terminal.progress import progress

logger = logging.getLogger(__name__)

COMPRESSED_MAGIC = {
    b"\x1f\x8b": ("gzip", "gunzip -k"),
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\xfd7zXZ\x00": ("xz", "unxz -k"),
    b"\x28\xb5\x2f\xfd": ("zstandard", "unzstd"),
}


class TarArchive(Archive):
    """A .tar that is not compressed."""

    kind = "tar"

    def list_entries(self) -> Iterable[tuple[str, Fields]]:
        self._refuse_compressed()
        files: dict[str, Fields] = {}
        links: dict[str, str] = {}
        for info in self._members():
            name = _plain(info.name)
            if not is_image_name(name):
                if info.isfile() and not is_hidden(name):
                    self._other_names.append(name)
            elif info.issparse():
                self._omitted["stored as sparse files; pack them without --sparse"] += 1
            elif info.isfile():
                files[name] = (info.offset_data, info.size, 0, 0)
            elif info.islnk():
                links[name] = _plain(info.linkname)
            elif info.issym():
                target = posixpath.join(posixpath.dirname(name), info.linkname)
                links[name] = posixpath.normpath(target)
        yield from files.items()
        yield from self._linked(links, files)

    def read_bytes(self, index: int) -> bytes:
        offset, size, _, _ = self.entries[index].tolist()
        return self.read_at(offset, size)

    def _members(self) -> Iterator[tarfile.TarInfo]:
        """Yield all entries, including those of further tars joined to the first."""
        end = self.path.stat().st_size
        offset: int | None = 0
        with self.path.open("rb") as file, progress(unit="B", total=end, scaled=True) as bar:
            while offset is not None:
                file.seek(offset)
                with tarfile.open(fileobj=file, mode="r:") as archive:
                    while (info := archive.next()) is not None:
                        archive.members = []  # type: ignore[attr-defined]  # keep no old entries
                        bar.update(info.offset_data - bar.n)
                        yield info
                    offset = self._next_archive(file, archive.offset, end)

    def _next_archive(self, file: BinaryIO, offset: int, end: int) -> int | None:
        """Where the next tar begins after the end mark; None if nothing follows.

        tarfile takes a damaged header for the end, but a real end is a block of zeros.
        """
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
        if not block:
            logger.warning("%s has no end mark: it may be incomplete", self.path)
            return None
        if any(block) or len(block) < tarfile.BLOCKSIZE:
            raise DataError(
                f"{self.path} is not a readable tar archive: damaged header at byte {offset}. Is "
                f"the download complete? The file has {end} bytes."
            )
        while block and not any(block):
            offset += len(block)
            block = file.read(tarfile.BLOCKSIZE)
        if not block:
            return None
        try:
            tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            logger.warning(
                "%s: ignored %d bytes after its end, which are not a tar", self.path, end - offset
            )
            return None
        return offset

    def _linked(
        self, links: dict[str, str], files: dict[str, Fields]
    ) -> Iterator[tuple[str, Fields]]:
        """Yield links as the files that they lead to, directly or through other links."""
        for name, target in links.items():
            followed = {name}
            while target in links and target not in followed:
                followed.add(target)
                target = links[target]
            if target in files:
                yield name, files[target]
            else:
                self._omitted["links to files outside the archive"] += 1

    def _refuse_compressed(self) -> None:
        with self.path.open("rb") as file:
            start = file.read(8)
        for magic, (name, command) in COMPRESSED_MAGIC.items():
            if start.startswith(magic):
                raise DataError(
                    f"{self.path} is compressed with {name}, so its images cannot be read one by "
                    f"one. Decompress it once (e.g. `{command} {self.path.name}`) and use the .tar."
                )


def _plain(name: str) -> str:
    """`./train/a.jpg`, which `tar -c .` writes, -> `train/a.jpg`."""
    return name.removeprefix("./")
