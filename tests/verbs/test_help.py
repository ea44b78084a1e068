# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import argparse
import re
import shlex
import shutil
import subprocess

import pytest

from ppdeepfill import cli


@pytest.fixture
def verbs() -> dict[str, argparse.ArgumentParser]:
    (action,) = [a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return action.choices


@pytest.mark.parametrize("verb", cli.VERBS)
def test_the_examples_of_a_verb_are_accepted(verb, verbs):
    text = verbs[verb].format_help()
    (examples,) = re.findall(r"^examples:\n((?:  ppdeepfill .*\n)+)", text, re.M)
    for example in examples.splitlines():
        words = shlex.split(example.split(">")[0])
        arguments, unknown = cli._parser().parse_known_args(words[1:])
        assert words[1] == verb and arguments.parser.prog.endswith(verb) and not unknown


@pytest.mark.parametrize("verb", sorted(set(cli.VERBS) - {"train"}))  # its table of keys has them
def test_every_option_says_its_default(verb, verbs):
    for action in verbs[verb]._actions:
        if action.option_strings and action.dest != "help" and not action.required:
            assert re.search(r"\(default: |; by default ", action.help.replace("\n", " ")), (
                action.dest
            )


@pytest.mark.parametrize("verb", ["test", "predict", "export", "reproduce"])
def test_many_options_are_grouped(verb, verbs):
    ungrouped = [action.dest for action in verbs[verb]._optionals._group_actions]
    assert ungrouped == ["help"]


def script(capsys, shell: str) -> str:
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["conv"], ["convert"]),
        (["predict", "--strat"], ["--strategy"]),
        (["predict", "--strategy", ""], ["auto", "whole", "crop", "resize"]),
        (["export", "--model_path", "outp"], ["output"]),
    ],
)
def test_bash_completes_verbs_options_choices_and_files(words, expected, tmp_path, capsys):
    (tmp_path / "output").mkdir()
    (tmp_path / "completion.bash").write_text(script(capsys, "bash"))
    program = (
        'source completion.bash; COMP_WORDS=(ppdeepfill "$@"); COMP_CWORD=$#; '
        '_shtab_ppdeepfill 2>/dev/null; echo "${COMPREPLY[@]}"'
    )
    shown = subprocess.run(
        ["bash", "-c", program, "bash", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert shown.stdout.split() == expected, shown.stderr


def test_zsh_gets_its_own_script(capsys):
    assert script(capsys, "zsh").startswith("#compdef ppdeepfill")
