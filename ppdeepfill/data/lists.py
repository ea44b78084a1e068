# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Lists of images as people write them, on any system and in any encoding."""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ppdeepfill.data.names import NameTable, comparable
from ppdeepfill.errors import DataError

logger = logging.getLogger(__name__)

# Checked on opening, evenly spread: a million files on a network disk would take too long.
LINES_TRIED = 10_000
# Possible encodings of a text without a byte order mark, if it is not UTF-8.
OTHER_ENCODINGS = ("gb18030", "cp932", "cp949", "big5", "cp1252")
MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# Not str.splitlines, which also splits at characters that names may contain.
LINE_ENDS = re.compile("\r\n|\r|\n")
QUOTES = "\"'"


class ListFiles:
    """The images named in a text file, one per line.

    A path is relative to the list's folder or, if there is no such file, to the current folder. In
    PaddleSeg's two-column form (`image label`), the first column is the image. If a path as written
    does not exist, quotes around it, backslashes between folders and accents in another Unicode
    form are understood. Empty lines are ignored, and so are lines that begin with # and do not name
    a file.

    Raises:
        DataError: none of the images exists.
    """

    def __init__(self, path: Path):
        self.path = path
        self._listings: dict[Path, dict[str, str]] = {}
        content = path.read_bytes()
        encoding = _encoding(content) or self._likeliest_encoding(content)
        lines = self._lines(_decoded(content, encoding))
        self.names = NameTable.from_strings(lines)
        self._check(lines, encoding)

    def read_bytes(self, index: int) -> bytes:
        line = self.names[index]
        found = self._find(line)
        if found is None:
            raise FileNotFoundError(f"no such file: {self._places(line)[0]}")
        return found.read_bytes()

    def _lines(self, text: str) -> list[str]:
        lines = (line.strip() for line in LINE_ENDS.split(text))
        return [line for line in lines if line and not self._is_comment(line)]

    def _is_comment(self, line: str) -> bool:
        return line.startswith("#") and self._find(line) is None

    def _likeliest_encoding(self, content: bytes) -> str:
        """The encoding in which most names that are not ASCII exist; UTF-8 in case of a tie."""
        texts = {"utf-8": _decoded(content, "utf-8")}
        if "\udc80" <= max(texts["utf-8"], default="") <= "\udcff":
            for encoding in OTHER_ENCODINGS:
                try:
                    texts[encoding] = content.decode(encoding)
                except UnicodeDecodeError:
                    continue
        if len(texts) == 1:
            return "utf-8"
        found = {encoding: self._count_existing(text) for encoding, text in texts.items()}
        return max(found, key=lambda encoding: found[encoding])

    def _count_existing(self, text: str) -> int:
        lines = [line for line in self._lines(text) if not line.isascii()]
        return sum(self._find(line) is not None for line in _spread(lines))

    def _check(self, lines: Sequence[str], encoding: str) -> None:
        tried = list(_spread(lines))
        missing = [line for line in tried if self._find(line) is None]
        if tried and len(missing) == len(tried):
            places = "\n  ".join(dict.fromkeys(str(p.absolute()) for p in self._places(lines[0])))
            raise DataError(
                f"none of the {len(tried)} images checked in {self.path} exists. A list is text "
                f"with one path per line; this one was read as {encoding}. For the first line, "
                f"looked for\n  {places}"
            )
        if missing:
            logger.warning(
                "%d of %d images checked in %s do not exist, for example %r",
                len(missing),
                len(tried),
                self.path,
                missing[0],
            )

    def _find(self, line: str) -> Path | None:
        places = self._places(line)
        for place in places:
            if _is_file(place):
                return place
        return next(filter(None, map(self._in_other_form, places)), None)

    def _in_other_form(self, path: Path) -> Path | None:
        """The file whose path differs only in the Unicode form of its parts."""
        if str(path).isascii():
            return None
        place = Path(path.anchor)
        for part in path.parts[1 if path.anchor else 0 :]:
            if not _exists(place / part):
                names = self._names_in(place)
                if comparable(part) not in names:
                    return None
                part = names[comparable(part)]
            place /= part
        return place if _is_file(place) else None

    def _names_in(self, folder: Path) -> dict[str, str]:
        """Comparable form -> name, for everything in a folder."""
        if folder not in self._listings:
            try:
                names = [entry.name for entry in folder.iterdir()]
            except OSError:
                names = []
            self._listings[folder] = {comparable(name): name for name in names}
        return self._listings[folder]

    def _places(self, line: str) -> list[Path]:
        """Possible paths of the image on a line, most likely first."""
        columns = line.split("\t") if "\t" in line else line.split()
        written = [line, columns[0]] if len(columns) > 1 else [line]
        if line[0] in QUOTES and line.find(line[0], 1) > 0:
            written.append(line[1 : line.index(line[0], 1)])
        written += [path.replace("\\", "/") for path in written if "\\" in path]
        places = (folder / path for path in written for folder in (self.path.parent, Path()))
        return list(dict.fromkeys(places))


def _encoding(content: bytes) -> str | None:
    """The encoding that a text's byte order mark names; recognises UTF-16 without one too."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return encoding
    start = content[:4096]
    if start[1::2].count(0) > len(start) / 4:
        return "utf-16-le"
    if start[::2].count(0) > len(start) / 4:
        return "utf-16-be"
    return None


def _decoded(content: bytes, encoding: str) -> str:
    """Decode, keeping bytes that are not valid UTF-8, because names on disk may have them."""
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    return content.decode(encoding, errors).removeprefix("\ufeff")


def _spread(lines: Sequence[str]) -> Iterable[str]:
    """At most `LINES_TRIED` of the lines, evenly spread."""
    return lines[:: -(-len(lines) // LINES_TRIED) or 1]


def _is_file(path: Path) -> bool:
    return _exists(path) and path.is_file()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False
