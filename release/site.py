# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A hook of mkdocs: links out of docs/ become file names, since a site does not have them."""

import posixpath
import re

LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#]*)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page, config, files) -> str:
    """Return the page with links out of docs/ replaced by names from the repository's root."""
    folder = posixpath.dirname(page.file.src_uri)

    def replace(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, link[2]))
        return link[0] if target.startswith("docs/") else f"{link[1]} (`{target}`)"

    return LINK.sub(replace, markdown)
