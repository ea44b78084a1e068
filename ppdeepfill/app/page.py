# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The layout of the page, and the events of its buttons."""

from pathlib import Path

import gradio as gr

from ppdeepfill.app.events import Events
from ppdeepfill.app.filling import MEGABYTES
from ppdeepfill.app.samples import CHOSEN, thumbnail

WEB = Path(__file__).parent / "web"
MOST_WAITING = 40  # fillings in the queue; beyond that, visitors are asked to try again
MOST_SESSIONS = 100  # number of sessions whose page gradio remembers
WIDEST = 64  # px

TITLE = """# Fill a hole in a photo
Open a photo or pick one of these, paint over what should disappear, and press **Fill**. Photos stay
in memory and are never written to disk."""
FONTS = ("system-ui", "sans-serif")  # the visitor's fonts, so nothing is downloaded
THEME = gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=("ui-monospace", "monospace"))


def _own(name: str, **settings) -> gr.HTML:
    """A part of the page defined by web/NAME.*."""
    html, css = (WEB / f"{name}.html", WEB / f"{name}.css")
    return gr.HTML(
        html_template=html.read_text("utf-8") if html.exists() else "",
        css_template=css.read_text("utf-8") if css.exists() else "",
        js_on_load=(WEB / f"{name}.js").read_text("utf-8"),
        apply_default_css=False,
        elem_id=name,
        **settings,
    )


def build(events: Events) -> gr.Blocks:
    """Build the page with its queue."""
    with gr.Blocks(title="ppdeepfill", analytics_enabled=False, fill_width=True) as page:
        gr.Markdown(TITLE, elem_id="title")
        with gr.Row():
            with gr.Column(min_width=280):
                samples = [thumbnail(number) for number in range(len(CHOSEN))]
                painter = _own("painter", samples=samples, most_megabytes=MEGABYTES)
                message = gr.HTML(elem_id="message")
                with gr.Row():
                    fill = gr.Button("Fill", variant="primary", elem_id="fill", scale=3)
                    cancel = gr.Button("Cancel", elem_id="cancel", scale=1, min_width=90)
                method, widen, blend = _settings(events)
            with gr.Column(min_width=280):
                viewer = _own("viewer")
                with gr.Row(visible=False) as downloads:
                    same = gr.Button("Download", elem_id="download", min_width=100)
                    png = gr.Button("As PNG", elem_id="download_png", min_width=100)
                    mask = gr.Button("The mask", elem_id="download_mask", min_width=100)
                saver = _own("saver", visible="hidden")
        page.load(events.arrive, None, [painter, message, method], api_name="arrive")
        painter.upload(
            events.open,
            painter,
            [painter, message, viewer, downloads],
            api_name="open",
            concurrency_limit=2,
        )
        filling = fill.click(
            events.fill,
            [painter, method, widen, blend],
            [viewer, message, downloads],
            api_name="fill",
            concurrency_limit=1,
            show_progress_on=message,
        )
        cancel.click(events.cancel, None, message, cancels=[filling], queue=False)
        for button, kind in ((same, "same"), (png, "png"), (mask, "mask")):
            button.click(
                events.download(kind),
                None,
                [saver, message],
                api_name=f"download_{kind}",
                concurrency_limit=2,
                concurrency_id="download",
            )
        page.unload(events.leave)
    page.state_session_capacity = MOST_SESSIONS
    return page.queue(max_size=MOST_WAITING)


def _settings(events: Events) -> tuple[gr.Dropdown, gr.Slider, gr.Checkbox]:
    names = events.methods.names()
    method = gr.Dropdown(
        names,
        value=names[0],
        label="Method",
        info="demo is a small network; your own runs below ./output join the list.",
        elem_id="method",
    )
    with gr.Accordion("More", open=False):
        widen = gr.Slider(0, WIDEST, 0, step=1, label="Widen the painted hole by (pixels)")
        blend = gr.Checkbox(False, label="Match the colours around the hole (Poisson blending)")
    return method, widen, blend
