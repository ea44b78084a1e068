# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: Debian's chromium, driven by playwright."""

import io
import shutil
import threading
from pathlib import Path

import colour_classes
import numpy as np
import paddle
import pytest
from PIL import Image

from ppdeepfill.app.filling import MEGABYTES
from ppdeepfill.inference.predict import predict
from ppdeepfill.networks import Prediction
from ppdeepfill.weights.finding import DEMO, SHIPPED

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")
PATIENCE = 60_000  # ms


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, served):
    """Opens the page in a window of its own; fails where the page complains or looks elsewhere."""
    contexts, complaints = [], []

    def open_page(at=served, **settings):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("request", lambda asked: elsewhere(asked.url) and complaints.append(asked.url))
        page.goto(at.url)
        page.wait_for_selector("#painter .photo[src^=data]")
        return page

    def elsewhere(url: str) -> bool:
        return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def photo(tmp_path, rng) -> Path:
    """A photo of soft colours with an orientation, so that it is shown turned."""
    small = rng.integers(0, 256, (6, 9, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "mine.jpg"
    Image.fromarray(small).resize((180, 120), Image.BICUBIC).save(path, exif=exif, quality=95)
    return path


def open_file(page, path: Path) -> None:
    page.set_input_files("#painter input[type=file]", path)
    said(page, path.name)


def said(page, text: str) -> None:
    """Wait until the page says this."""
    page.wait_for_function(
        "text => document.querySelector('#message').innerText.toLowerCase().includes(text)",
        arg=text.lower(),
    )


def paint(page, begin=(0.3, 0.3), end=(0.5, 0.4), tool="brush") -> None:
    page.click(f"[data-tool={tool}]")
    box = page.locator("#painter .strokes").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=5)
    page.mouse.up()


def painted(page) -> int:
    """How many pixels of the canvas are painted."""
    return page.evaluate(
        """() => { const c = document.querySelector('#painter .strokes');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 127; return n; }"""
    )


def fill(page) -> None:
    page.click("#fill")
    said(page, "filled in")


def download(page, button: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.click(button)
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_the_first_filling_takes_a_stroke_and_a_click(visit):
    page = visit()
    paint(page)
    fill(page)
    assert page.locator("#viewer .picture img").first.is_visible()


def test_a_result_equals_that_of_predict_bit_for_bit(visit, photo, tmp_path):
    page = visit()
    open_file(page, photo)
    paint(page)
    paint(page, (0.6, 0.6), (0.8, 0.9), tool="rectangle")
    fill(page)
    mask = download(page, "#download_mask", tmp_path)
    for button, file_format in (("#download", "same"), ("#download_png", "png")):
        ours = download(page, button, tmp_path)
        [theirs] = predict(
            photo,
            mask,
            model_path=SHIPPED[DEMO],
            save_dir=tmp_path / "out",
            file_format=file_format,
        )
        assert ours.read_bytes() == theirs.read_bytes()
    known = np.asarray(Image.open(mask)) == 0
    assert 0.5 < known.mean() < 0.99
    turned = np.rot90(pixels(photo), -1)
    np.testing.assert_array_equal(np.rot90(pixels(ours), -1)[known], turned[known])


def test_two_people_at_once_get_their_own_results(visit, tmp_path):
    pages, known = [], {}
    for name, color in (("red.png", (200, 30, 30)), ("green.png", (30, 200, 30))):
        Image.new("RGB", (96, 72), color).save(tmp_path / name)
        pages.append(visit())
        open_file(pages[-1], tmp_path / name)
        paint(pages[-1])
        known[name] = color
    for page in pages:
        page.click("#fill")
    for page, (name, color) in zip(pages, known.items(), strict=True):
        said(page, "filled in")
        result = download(page, "#download", tmp_path)
        assert result.name == f"{Path(name).stem}_filled.png"
        assert pixels(result)[0, 0].tolist() == list(color)


def test_strokes_are_undone_and_redone_by_keyboard(visit):
    page = visit()
    paint(page)
    one = painted(page)
    paint(page, (0.6, 0.6), (0.7, 0.8), tool="rectangle")
    two = painted(page)
    assert two > one > 0
    page.keyboard.press("Control+z")
    assert painted(page) == one
    page.keyboard.press("Control+Shift+z")
    assert painted(page) == two
    paint(page, (0.6, 0.6), (0.7, 0.8), tool="eraser")
    assert one < painted(page) < two
    page.click("[data-do=clear]")
    assert painted(page) == 0
    page.keyboard.press("Control+z")  # nothing left to undo
    page.click("#fill")
    said(page, "nothing is painted yet")


def test_what_cannot_be_opened_is_explained_and_the_photo_stays(visit, tmp_path):
    page = visit()
    before = page.get_attribute("#painter .photo", "src")
    (tmp_path / "notes.jpg").write_text("no picture")
    page.set_input_files("#painter input[type=file]", tmp_path / "notes.jpg")
    said(page, "cannot read the image notes.jpg: not an image")
    large = io.BytesIO(bytes(MEGABYTES * 2**20 + 1)).getvalue()
    (tmp_path / "large.jpg").write_bytes(large)
    page.set_input_files("#painter input[type=file]", tmp_path / "large.jpg")
    page.wait_for_selector("#painter .complaint:not([hidden])")
    assert "large.jpg is larger than 30 MB" in page.inner_text("#painter .complaint")
    assert page.get_attribute("#painter .photo", "src") == before


def test_things_are_marked_by_class_and_the_hole_is_changed_by_hand(
    visit, served_with_classes, tmp_path
):
    colour_classes.write_photo(tmp_path / "walk.png")
    page = visit(served_with_classes)
    open_file(page, tmp_path / "walk.png")
    paint(page, (0.7, 0.7), (0.8, 0.8), tool="rectangle")
    by_hand = painted(page)
    page.click("#classes input")
    page.get_by_role("option", name="person").click()
    page.click("#mark")
    said(page, "Marked: person")
    page.wait_for_function("document.querySelector('[data-do=redo]').disabled")
    assert painted(page) == by_hand + 40 * 20  # added to what was painted
    page.locator("#painter .stage").focus()
    page.keyboard.press("Control+z")
    assert painted(page) == by_hand
    page.keyboard.press("Control+Shift+z")
    assert painted(page) == by_hand + 40 * 20
    page.locator("#painter .size input").fill("6")
    paint(page, (0.4, 0.2), (0.4, 0.9), tool="eraser")
    assert by_hand < painted(page) < by_hand + 40 * 20
    fill(page)
    mask = np.asarray(Image.open(download(page, "#download_mask", tmp_path)))
    person = mask[20:60, 30:50]
    assert person[:, :5].all() and not person[:, 7:10].any() and person[:, 12:].all()
    assert not mask[:19].any() and mask[52:56, 70:74].all()
    result = pixels(download(page, "#download", tmp_path))
    before = pixels(tmp_path / "walk.png")
    np.testing.assert_array_equal(result[mask == 0], before[mask == 0])


def test_without_a_model_the_page_says_how_to_get_classes(visit):
    page = visit()
    assert "ppdeepfill app --seg_config FILE" in page.inner_text("#no_classes")
    assert page.locator("#classes, #mark").count() == 0


def test_a_chinese_browser_gets_a_chinese_page(visit, photo, tmp_path):
    page = visit(locale="zh-CN")
    assert page.url.endswith("/zh/")
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert page.inner_text("#fill") == "修复"
    page.click("#fill")
    said(page, "还没有涂")
    (tmp_path / "notes.jpg").write_text("no picture")
    page.set_input_files("#painter input[type=file]", tmp_path / "notes.jpg")
    said(page, "出错了：cannot read the image notes.jpg")
    open_file(page, photo)
    paint(page)
    page.click("#fill")
    said(page, "修复完成，用时")
    assert download(page, "#download", tmp_path).name == "mine_filled.jpg"
    said(page, "已保存为 mine_filled.jpg")
    english = [name for name in page.inner_text("body").split() if name.isascii()]
    assert not {"Fill", "Cancel", "Download", "Brush", "Method", "Undo"} & set(english)
    page.click("#languages a")
    page.wait_for_url("**/en/")
    page.wait_for_selector("#painter .photo[src^=data]")
    assert page.inner_text("#fill") == "Fill"


class Waiting:
    """A method that fills a crop only when it may; says how many it was asked for."""

    multiple = 1

    def __init__(self):
        self.may_go_on, self.crops = threading.Event(), 0

    def predict_in_holes(self, images, masks) -> Prediction:
        self.crops += 1
        assert self.may_go_on.wait(PATIENCE / 1000)
        return Prediction(paddle.zeros([1, 3, *masks.shape[1:]]))


def test_a_filling_shows_how_far_it_is_and_can_be_cancelled(visit, served, tmp_path, monkeypatch):
    Image.new("RGB", (1400, 900), (90, 90, 90)).save(tmp_path / "large.png")
    page, method = visit(), Waiting()
    open_file(page, tmp_path / "large.png")
    paint(page, (0.05, 0.1), (0.1, 0.1))
    paint(page, (0.9, 0.9), (0.95, 0.9))
    with monkeypatch.context() as patched:
        patched.setattr(served.workshop.methods, "inpainter", lambda name: method)
        page.click("#fill")
        said(page, "part 1 of 2")
        page.click("#cancel")
        said(page, "cancelled")
        method.may_go_on.set()
        served.workshop.jobs.run(
            "other", lambda job: None, lambda job: None
        )  # what was there before has ended
    assert method.crops == 1
    fill(page)


def test_a_result_can_be_looked_at_in_three_ways(visit, photo):
    page = visit()
    open_file(page, photo)
    paint(page)
    fill(page)
    page.click("[data-view=borrowed]")
    box = page.locator("#viewer .picture").bounding_box()
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.35 * box["height"])
    page.wait_for_function(
        "document.querySelector('#viewer .caption').innerText.includes('was taken from around')"
    )
    page.click("[data-view=coarse]")
    assert page.locator("#viewer .picture .under").get_attribute("src").startswith("data:")
    page.click("[data-view=compare]")
    box = page.locator("#viewer .picture").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    assert page.eval_on_selector("#viewer .divider", "e => Number(e.value)") == pytest.approx(
        25, abs=1
    )


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_title_and_the_other_language_do_not_overlap(visit, locale, width):
    page = visit(viewport={"width": width, "height": 700}, locale=locale)
    assert page.evaluate(
        """() => { const text = document.createRange();
        text.selectNodeContents(document.querySelector('#title h1'));
        const title = text.getBoundingClientRect();
        const link = document.querySelector('#languages a').getBoundingClientRect();
        return title.right <= link.left || title.bottom <= link.top
            || link.bottom <= title.top; }"""
    )


def test_it_works_at_the_width_of_a_phone(visit, photo):
    page = visit(viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True)
    open_file(page, photo)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    paint(page)
    page.click("#fill")
    said(page, "filled in")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.wait_for_function(
        "document.querySelector('#viewer .picture').getBoundingClientRect().top < innerHeight"
    )


def test_who_closes_the_page_leaves_nothing(visit, served, photo):
    page = visit()
    open_file(page, photo)
    held = len(served.workshop.visits)
    page.close()
    for _ in range(100):
        if len(served.workshop.visits) < held:
            break
        page.context.new_page().wait_for_timeout(100)
    assert len(served.workshop.visits) < held
    assert not [path for path in Path(served.folder).rglob("*") if path.is_file()]
