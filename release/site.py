# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A hook of mkdocs: links out of docs/ become file names, since a site does not have them.

In the Chinese site, pages that exist only in English say so.
"""

import posixpath
import re

ENGLISH_ONLY = '!!! note "本页只有英文版"\n'
LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#]*)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page, config, files) -> str:
    """Return the page with links out of docs/ replaced by names from the repository's root.

    A page that stands in for a missing translation gets a note below its title.
    """
    folder = posixpath.dirname(page.file.src_uri)

    def replace(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, link[2]))
        return link[0] if target.startswith("docs/") else f"{link[1]} (`{target}`)"

    markdown = LINK.sub(replace, markdown)
    if page.file.locale != page.file.locale_alternate_of:  # set by the plugin i18n
        title, newline, rest = markdown.partition("\n")
        markdown = f"{title}{newline}\n{ENGLISH_ONLY}{rest}"
    return markdown
