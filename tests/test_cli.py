# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import errno
import io
import logging
import os
import subprocess
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppdeepfill import cli
from ppdeepfill.config import Config
from ppdeepfill.config.text import leaves
from ppdeepfill.errors import DataError
from ppdeepfill.verbs import train

REPOSITORY = Path(__file__).parent.parent
QUICKSTART = str(REPOSITORY / "configs/quickstart.yaml")


class FakeTrainer:
    """Records what the command line asks for; `fit` raises `failure` if there is one."""

    configs: list = []
    fitted = 0
    failure: BaseException | None = None

    def __init__(self, config):
        FakeTrainer.configs.append(config)

    def describe(self) -> str:
        return "described"

    def fit(self) -> None:
        FakeTrainer.fitted += 1
        if FakeTrainer.failure:
            raise FakeTrainer.failure
        logging.getLogger("ppdeepfill.training.trainer").info("iter: 1")


@pytest.fixture(autouse=True)
def trainer(monkeypatch):
    module = types.ModuleType("ppdeepfill.training.trainer")
    module.Trainer = FakeTrainer
    monkeypatch.setitem(sys.modules, "ppdeepfill.training.trainer", module)
    FakeTrainer.configs, FakeTrainer.fitted, FakeTrainer.failure = [], 0, None
    return FakeTrainer


def test_train_without_arguments_is_the_quick_start(trainer, capsys):
    assert cli.main(["train"]) == 0
    assert trainer.configs[0].output_dir == "output/quickstart"
    assert trainer.fitted == 1
    assert capsys.readouterr().out == "iter: 1\n"


def test_every_alias_sets_its_key(trainer):
    values = {"save_dir": "elsewhere", "resume_model": "none", "device": "cpu", "precision": "fp32"}
    values |= {"do_eval": "False", "use_vdl": "False", "learning_rate": "3e-4"}
    flags = [f"--{flag}={values.get(flag, '7')}" for flag in train.ALIASES]
    assert cli.main(["train", "-c", QUICKSTART, *flags]) == 0
    config = trainer.configs[0]
    assert (config.output_dir, config.resume, config.device) == ("elsewhere", "none", "cpu")
    assert not config.schedule.validate and not config.logging.visualdl
    assert config.optimizer.learning_rate == 3e-4
    schedule = config.schedule
    assert schedule.iterations == schedule.checkpoint_every == schedule.log_every == 7
    assert config.data.batch_size == config.data.workers == config.seed == 7
    assert schedule.keep_checkpoints == 7


def test_aliases_name_keys_of_the_schema():
    assert set(train.ALIASES.values()) <= {path for path, _ in leaves(Config)}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--do_eval"], True),
        (["--do_eval=True"], True),
        (["--do_eval", "true"], True),
        (["--do_eval=False"], False),
        (["--do_eval", "False"], False),
        (["-o", "schedule.validate=false", "seed=3"], False),
        (["--do_eval=True", "-o", "schedule.validate=false"], False),
        (["-o", "schedule.validate=false", "--do_eval"], True),
    ],
)
def test_boolean_flags_and_order_of_overrides(trainer, arguments, expected):
    assert cli.main(["train", *arguments]) == 0
    assert trainer.configs[0].schedule.validate is expected


@pytest.mark.parametrize(
    ("arguments", "fitted"), [(["--dry_run"], 0), (["--dry_run=True"], 0), (["--dry_run=False"], 1)]
)
def test_dry_run_describes_and_trains_nothing(trainer, capsys, arguments, fitted):
    assert cli.main(["train", *arguments]) == 0
    assert trainer.fitted == fitted
    assert ("described" in capsys.readouterr().out) is not bool(fitted)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--config", "configs/nothing.yaml"], "no configuration file"),
        (["--batch_size", "many"], "data.batch_size"),
        (["-o", "mask.sise=3"], "did you mean mask.size?"),
    ],
)
def test_configuration_errors_exit_2_with_a_message(trainer, capsys, arguments, expected):
    assert cli.main(["train", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("ppdeepfill: error: ") and expected in captured.err
    assert not trainer.configs


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--batchsize", "3"], "did you mean --batch_size?"),
        (["train", "--zzz=3"], "--help"),
        (["train", "--iters=3", "mask.size=64"], "write -o mask.size=64"),
        (["attend", "a", "b", "c", "--offset", "d"], "did you mean --offsets?"),
        (["train", "--dry_run=perhaps"], "must be true or false"),
        (["tarin"], "train"),
        ([], "VERB"),
    ],
)
def test_unusable_arguments_exit_2_with_a_message(capsys, arguments, expected):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "status", "expected"),
    [
        (DataError("no images in photos/"), 2, "no images in photos/"),
        (OSError(errno.ENOSPC, "No space left on device", "out/log.txt"), 2, "out/log.txt"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "out/log.txt"), 2, "a file is needed"),
        (PermissionError(errno.EACCES, "Permission denied", "/out"), 2, "use another path"),
        (ModuleNotFoundError("No module named 'paddle'", name="paddle"), 2, '".[gpu]"'),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_that_a_person_can_mend_end_in_a_message(
    trainer, capsys, failure, status, expected
):
    trainer.failure = failure
    assert cli.main(["train"]) == status
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    "failure", [ValueError("a bug"), OSError(errno.EDOM, "odd"), ModuleNotFoundError(name="nose")]
)
def test_other_failures_keep_their_traceback(trainer, failure):
    trainer.failure = failure
    with pytest.raises(type(failure)):
        cli.main(["train"])


def test_each_message_is_printed_once_though_the_root_logger_prints_too(capsys, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler()])
    cli.main(["train"])
    cli.main(["train"])
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("iter: 1\niter: 1\n", "")


def test_logging_is_left_as_it_was():
    package = logging.getLogger("ppdeepfill")
    before = (package.level, package.propagate, list(package.handlers))
    cli.main(["train"])
    assert (package.level, package.propagate, package.handlers) == before


def test_attend_hands_its_paths_over(monkeypatch):
    calls = []
    module = types.ModuleType("ppdeepfill.drawing.attend")
    module.attend = lambda *paths, offsets: calls.append((*paths, offsets))
    monkeypatch.setitem(sys.modules, "ppdeepfill.drawing.attend", module)
    assert cli.main(["attend", "a.png", "b.png", "out.png", "--offsets", "map.png"]) == 0
    assert cli.main(["attend", "a.png", "b.png", "out.png"]) == 0
    paths = (Path("a.png"), Path("b.png"), Path("out.png"))
    assert calls == [(*paths, Path("map.png")), (*paths, None)]


def test_missing_quick_start_asks_for_a_file(monkeypatch, tmp_path, capsys):
    file = tmp_path / "ppdeepfill" / "verbs" / "train.py"
    monkeypatch.setattr(train, "__file__", str(file))
    assert cli.main(["train"]) == 2
    assert "--config FILE" in capsys.readouterr().err


def run(
    *arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, **environment
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


@pytest.fixture
def no_paddle(tmp_path) -> str:
    """A PYTHONPATH on which paddle cannot be imported, as if it were not installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'paddle':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    return os.pathsep.join([str(tmp_path), str(REPOSITORY)])


def test_help_shows_the_schema_and_needs_no_paddle(no_paddle):
    result = run("train.py", "--help", PYTHONPATH=no_paddle)
    assert result.returncode == 0, result.stderr
    order = ["usage:", "aliases:", "--iters", "configuration keys, with", "mask.kind"]
    places = [result.stdout.index(text) for text in order]
    assert places == sorted(places)


def test_configuration_is_checked_without_paddle(no_paddle):
    result = run("train.py", "--batch_size", "0", PYTHONPATH=no_paddle)
    assert (result.returncode, result.stdout) == (2, "")
    assert "data.batch_size" in result.stderr and "Traceback" not in result.stderr


def test_missing_paddle_names_both_extras(no_paddle, tmp_path):
    result = run("-m", "ppdeepfill.cli", "train", cwd=tmp_path, PYTHONPATH=no_paddle)
    assert result.returncode == 2
    assert ".[cpu]" in result.stderr and ".[gpu]" in result.stderr
    assert "Traceback" not in result.stderr


def test_decoders_add_no_warning_of_their_own(tmp_path):
    path = tmp_path / "float.tif"  # 32-bit samples
    cv2.imwrite(str(path), np.zeros((8, 8), np.float32))
    result = run(
        "-m",
        "ppdeepfill.cli",
        "attend",
        *[str(path)] * 2,
        str(tmp_path / "out.png"),
        OMP_NUM_THREADS="1",
    )
    assert result.stderr == (
        f"ppdeepfill: error: cannot read the image {path}: "
        "its samples are float32, for which white is not defined; convert it to 8 or 16 bits "
        "(uint8, uint16)\n"
    )


def test_messages_fit_any_terminal(trainer, monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    name = "\u732b\udcc4.jpg"  # a Chinese character and a byte that is no UTF-8
    monkeypatch.setattr(trainer, "fit", lambda _: logging.getLogger("ppdeepfill").info(name))
    assert cli.main(["train"]) == 0
    terminal.flush()
    assert terminal.buffer.getvalue() == rb"\u732b\udcc4.jpg" + b"\n"


@pytest.mark.parametrize(("command", "status"), [("--dry_run", 141), ("--iters=1", 0)])
def test_a_reader_that_leaves_early_costs_no_traceback(tmp_path, command, status):
    source = ("data.train=bundled:train", "data.validation=null", "data.workers=0")
    options = ("network.options.base_channels=2", "logging.visualdl=false")
    arguments = ("-o", *source, *options, f"output_dir={tmp_path}", command)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        result = run("train.py", *arguments, stdout=pipe, OMP_NUM_THREADS="1")
    assert (result.returncode, result.stderr) == (status, "")


def test_help_loads_nothing_that_computes():
    """`--help` answers at once only without these: each adds at least 50 ms and several MiB."""
    program = (
        "import sys; from ppdeepfill.cli import _parser; _parser().format_help(); "
        "print(*{'paddle', 'numpy', 'cv2', 'scipy', 'safetensors'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
