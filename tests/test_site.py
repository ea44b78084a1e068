# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The documents as a site."""

import re
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from release.site import ENGLISH_ONLY, on_page_markdown

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
CHINESE = sorted(DOCS.rglob("*.zh.md"))


def _leaves(entries: list) -> list[tuple[str, str | None]]:
    """Title and page of every entry of the navigation; a group has no page."""
    found = []
    for entry in entries:
        ((title, content),) = entry.items()
        found.append((title, content if isinstance(content, str) else None))
        found += [] if isinstance(content, str) else _leaves(content)
    return found


def test_the_navigation_lists_every_page():
    pages = [page for _, page in _leaves(SITE["nav"]) if page]
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path not in CHINESE}
    assert sorted(pages) == sorted(there)


def test_every_title_has_a_chinese_one():
    (i18n,) = [p["i18n"] for p in SITE["plugins"] if isinstance(p, dict) and "i18n" in p]
    chinese = i18n["languages"][1]["nav_translations"]
    own = {"GLCIC", "Shift-Net", "RFR"}  # names
    assert {title for title, _ in _leaves(SITE["nav"])} - own == set(chinese)


@pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)
def test_both_languages_show_the_same_code(path):
    english = path.with_name(path.name.replace(".zh.md", ".md"))
    blocks = [
        re.findall(r"^```.*?^```", p.read_text("utf-8"), re.M | re.S) for p in (path, english)
    ]
    assert blocks[0] == blocks[1]


LARGE = {
    " million": 10**6,
    " megapixels": 10**6,
    " 万": 10**4,
    "万": 10**4,
    " 亿": 10**8,
    "亿": 10**8,
}


def _facts(path: Path) -> Counter:
    """The numbers and the code in the text of a page, code blocks aside, and how often each is."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    text = re.sub(r"\{#[^}]*\}|\]\([^)]*\)", "", text)  # identifiers and targets of links
    code = re.findall(r"`([^`\n]+)`", text)
    numbers = re.findall(
        r"(\d+(?:[,.]\d+)*)( million| megapixels| ?万| ?亿)?", re.sub(r"`[^`\n]+`", "", text)
    )
    values = [f"{float(n) * LARGE[unit]:g}" if unit else n.replace(",", "") for n, unit in numbers]
    return Counter([*code, *values])


@pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)
def test_both_languages_name_the_same_numbers_and_options(path):
    chinese, english = _facts(path), _facts(path.with_name(path.name.replace(".zh.md", ".md")))
    assert {"missing": english - chinese, "added": chinese - english} == {
        "missing": Counter(),
        "added": Counter(),
    }


def test_the_python_example_of_the_attention_runs():
    page = (DOCS / "explanation/attention.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    names: dict = {}
    exec(example, names)
    assert list(names["steps"].similarity.shape) == [1, 1024, 1024]


def _page(uri: str, language: str, *, shown_in: str) -> SimpleNamespace:
    file = SimpleNamespace(src_uri=uri, locale=language, locale_alternate_of=shown_in)
    return SimpleNamespace(file=file)


def test_links_out_of_the_documents_become_names():
    page = _page("methods/rfr.md", "en", shown_in="en")
    text = "[code](../../deploy/infer.py#L1), [metrics](../metrics.md), [here](x.md)"
    assert on_page_markdown(text, page=page, config=None, files=None) == (
        "code (`deploy/infer.py`), [metrics](../metrics.md), [here](x.md)"
    )


def test_an_english_page_in_the_chinese_site_says_so_below_its_title():
    page = _page("results.md", "en", shown_in="zh")
    text = on_page_markdown("# Results\n\nNumbers.\n", page=page, config=None, files=None)
    assert text == f"# Results\n\n{ENGLISH_ONLY}\nNumbers.\n"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="the extra docs is not installed")
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "传播" in (tmp_path / "zh/explanation/attention/index.html").read_text("utf-8")
    for page, noted in {"zh/results": True, "zh/glossary": False, "results": False}.items():
        html = (tmp_path / page / "index.html").read_text("utf-8")
        assert ("本页只有英文版" in html) == noted, page
    reference = (tmp_path / "reference/inference/index.html").read_text("utf-8")
    assert 'id="ppdeepfill.inference.inpainter.Inpainter.from_checkpoint"' in reference
