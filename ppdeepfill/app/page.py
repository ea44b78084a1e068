# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The layout of the page, and the events of its buttons."""

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from ppdeepfill.app.events import Events
from ppdeepfill.app.filling import MEGABYTES
from ppdeepfill.app.samples import CHOSEN, thumbnail
from ppdeepfill.app.words import LANGUAGES, PAGE, PAINTER, VIEWER, Words

WEB = Path(__file__).parent / "web"
MOST_WAITING = 40  # fillings in the queue; beyond that, visitors are asked to try again
MOST_SESSIONS = 100  # sessions whose page gradio remembers
WIDEST = 64  # px by which a visitor can widen the hole

FONTS = ("system-ui", "sans-serif")  # the visitor's fonts, so nothing is downloaded
THEME = gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=("ui-monospace", "monospace"))


class Parts(NamedTuple):
    """The components that events read and change."""

    painter: gr.HTML
    message: gr.HTML
    viewer: gr.HTML
    saver: gr.HTML
    downloads: gr.Row
    method: gr.Dropdown
    widen: gr.Slider
    blend: gr.Checkbox
    buttons: dict[str, gr.Button]
    classes: gr.Dropdown | None


def build(events: Events) -> gr.Blocks:
    """Build the page with its queue."""
    with gr.Blocks(title="ppdeepfill", analytics_enabled=False, fill_width=True) as page:
        parts = _layout(events)
        _connect(page, parts, events)
    page.state_session_capacity = MOST_SESSIONS
    return page.queue(max_size=MOST_WAITING)


def _own(name: str, words: Words, phrases: dict, **settings) -> gr.HTML:
    """A part of the page defined by web/NAME.*."""
    html, css = (WEB / f"{name}.html", WEB / f"{name}.css")
    return gr.HTML(
        html_template=words.template(html.read_text("utf-8"), phrases) if html.exists() else "",
        css_template=css.read_text("utf-8") if css.exists() else "",
        js_on_load=(WEB / f"{name}.js").read_text("utf-8"),
        apply_default_css=False,
        elem_id=name,
        words=words.of(phrases),
        language=words.language,
        **settings,
    )


def _layout(events: Events) -> Parts:
    words, buttons = events.words, {}

    def button(name: str, phrase: str, **settings) -> None:
        buttons[name] = gr.Button(words(PAGE[phrase]), elem_id=name, **settings)

    gr.HTML(_languages(words), elem_id="languages")
    gr.Markdown(f"{words(PAGE['title'])}\n{words(PAGE['introduction'])}", elem_id="title")
    with gr.Row():
        with gr.Column(min_width=280):
            samples = [thumbnail(number) for number in range(len(CHOSEN))]
            painter = _own("painter", words, PAINTER, samples=samples, most_megabytes=MEGABYTES)
            classes = _classes(events, button)
            message = gr.HTML(elem_id="message")
            with gr.Row():
                button("fill", "fill", variant="primary", scale=3)
                button("cancel", "cancel", scale=1, min_width=90)
            settings = _settings(events)
            if classes is None:
                gr.Markdown(words(PAGE["no_classes"]), elem_id="no_classes")
        with gr.Column(min_width=280):
            viewer = _own("viewer", words, VIEWER)
            with gr.Row(visible=False) as downloads:
                button("download", "download", min_width=100)
                button("download_png", "as_png", min_width=100)
                button("download_mask", "the_mask", min_width=100)
            saver = _own("saver", words, {}, visible="hidden")
    return Parts(painter, message, viewer, saver, downloads, *settings, buttons, classes)


def _languages(words: Words) -> str:
    """Links to the page in other languages."""
    others = [code for code in LANGUAGES if code != words.language]
    return " ".join(
        f'<a href="../{c}/" lang="{c}" target="_self">{LANGUAGES[c]}</a>' for c in others
    )


def _classes(events: Events, button) -> gr.Dropdown | None:
    """A choice of classes to mark; None without a PaddleSeg model."""
    words, recognizer = events.words, events.workshop.recognizer
    if recognizer is None:
        return None
    with gr.Row(elem_id="by_class"):
        choices = [(name, number) for number, name in enumerate(recognizer.names)]
        classes = gr.Dropdown(
            choices,
            value=[],
            multiselect=True,
            label=words(PAGE["classes"]),
            elem_id="classes",
            scale=3,
            min_width=160,
        )
        button("mark", "mark", scale=1, min_width=90)
    return classes


def _settings(events: Events) -> tuple[gr.Dropdown, gr.Slider, gr.Checkbox]:
    words, choices = events.words, events.method_choices()
    method = gr.Dropdown(
        choices,
        value=choices[0][1],
        label=words(PAGE["method"]),
        info=words(PAGE["method_info"]),
        elem_id="method",
    )
    with gr.Accordion(words(PAGE["more"]), open=False):
        widen = gr.Slider(0, WIDEST, 0, step=1, label=words(PAGE["widen"]))
        blend = gr.Checkbox(False, label=words(PAGE["blend"]))
    return method, widen, blend


def _connect(page: gr.Blocks, parts: Parts, events: Events) -> None:
    painter, message, viewer = parts.painter, parts.message, parts.viewer
    page.load(events.arrive, None, [painter, message, parts.method], api_name="arrive")
    painter.upload(
        events.open,
        painter,
        [painter, message, viewer, parts.downloads],
        api_name="open",
        concurrency_limit=2,
    )
    computing = {"concurrency_limit": 1, "concurrency_id": "worker", "show_progress_on": message}
    started = [
        parts.buttons["fill"].click(
            events.fill,
            [painter, parts.method, parts.widen, parts.blend],
            [viewer, message, parts.downloads],
            api_name="fill",
            **computing,
        )
    ]
    if parts.classes is not None:
        started.append(
            parts.buttons["mark"].click(
                events.mark, parts.classes, [painter, message], api_name="mark", **computing
            )
        )
    parts.buttons["cancel"].click(events.cancel, None, message, cancels=started, queue=False)
    for name, kind in (("download", "same"), ("download_png", "png"), ("download_mask", "mask")):
        parts.buttons[name].click(
            events.download(kind),
            None,
            [parts.saver, message],
            api_name=f"download_{kind}",
            concurrency_limit=2,
            concurrency_id="download",
        )
    page.unload(events.leave)
