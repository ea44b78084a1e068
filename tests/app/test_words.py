# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page says the same in English and in Chinese."""

import re
from pathlib import Path
from string import Formatter

import pytest

from ppdeepfill.app import words as module
from ppdeepfill.app.words import LANGUAGES, PAINTER, VIEWER, Refusal, Words, preferred
from ppdeepfill.errors import DataError

WEB = Path(module.__file__).parent / "web"
PHRASES = {
    f"{name}: {key}": phrase
    for name in ("PAGE", "PAINTER", "VIEWER", "MESSAGES", "REFUSALS")
    for key, phrase in getattr(module, name).items()
}
HAN = re.compile(r"[\u4e00-\u9fff]")


def fields(text: str) -> list[str]:
    return sorted({field for _, field, _, _ in Formatter().parse(text) if field})


@pytest.mark.parametrize("name", PHRASES)
def test_a_phrase_mentions_the_same_in_every_language(name):
    english, chinese = PHRASES[name]
    assert fields(english) == fields(chinese)
    assert re.findall(r"`.*?`", english) == re.findall(r"`.*?`", chinese)
    assert HAN.search(chinese) and not HAN.search(english)


@pytest.mark.parametrize(("part", "phrases"), [("painter", PAINTER), ("viewer", VIEWER)])
def test_the_parts_of_the_page_have_no_words_of_their_own(part, phrases):
    template = (WEB / f"{part}.html").read_text("utf-8")
    shown = re.findall(r">([^<]+)<", template)
    shown += re.findall(r'(?:alt|title|aria-label)="([^"]*)"', template)
    rest = [re.sub(r"\$\w+|\(.*?\)", "", text) for text in shown]
    assert not re.findall(r"[A-Za-z]+", " ".join(rest))
    script = (WEB / f"{part}.js").read_text("utf-8")
    used = set(re.findall(r"\$(\w+)", template)) | set(re.findall(r"words\.(?!py)(\w+)", script))
    used |= {key for key in phrases if key.endswith("_caption")}
    assert used == set(phrases)
    assert "$" not in Words("zh").template(template, phrases)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-Hant-TW", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("de-DE,de;q=0.9,zh;q=0.4,en;q=0.3", "zh"),
        ("en;q=0.2, zh-CN;q=0.7", "zh"),
        ("fr, *;q=0.5", "en"),
        ("zh;q=much", "zh"),
        ("", "en"),
    ],
)
def test_a_browser_gets_the_language_it_asks_for(accepted, language):
    assert preferred(accepted) == language


def test_a_refusal_speaks_the_language_of_the_page():
    refusal = Refusal("too_large", name="{0}.png", megabytes=30)
    assert str(refusal) == "{0}.png is larger than 30 MB; save it smaller"
    assert Words("zh").why(refusal) == "{0}.png 超过 30 MB，请先压缩"
    assert Words("en").why(refusal) == str(refusal)


def test_what_others_say_stays_english():
    assert Words("zh").why(DataError("not an image")) == "出错了：not an image"
    assert list(LANGUAGES) == ["en", "zh"]
