# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill completion`: let the shell complete verbs, options and files."""

import argparse
from pathlib import Path

from ppdeepfill.verbs.arguments import add_verb, flags_of

SHELLS = ("bash", "zsh", "tcsh")
DESCRIPTION = """\
Print a script that lets the shell complete verbs, options, choices and files with the Tab key. For
bash, load it from ~/.bashrc as in the first example; for zsh, write it to a folder of fpath."""


def add(verbs: argparse._SubParsersAction) -> None:
    completion = add_verb(
        verbs,
        "completion",
        help="complete verbs, options and files with the Tab key",
        description=DESCRIPTION,
        examples=["bash >> ~/.bashrc", "zsh > ~/.zfunc/_ppdeepfill"],
    )
    completion.add_argument("shell", choices=SHELLS, help="name of the shell")

    def run(arguments: argparse.Namespace) -> None:
        print(script_for(arguments.shell, verbs))

    completion.set_defaults(run=run, parser=completion, flags=flags_of(completion))


def script_for(shell: str, verbs: argparse._SubParsersAction) -> str:
    """Return the script for one of `SHELLS`.

    Args:
        shell: one of `SHELLS`.
        verbs: all verbs, with their arguments.
    """
    import shtab

    whole = argparse.ArgumentParser(prog="ppdeepfill")
    whole.add_argument("--version", action="store_true", help="print the version")
    whole._add_action(verbs)
    for verb in verbs.choices.values():
        for action in verb._actions:
            if action.type is Path or action.metavar in ("FILE", "DIR", "PATH", "SOURCE"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(whole, shell)
