# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Feed hostile inputs to everything that reads files or requests of strangers.

    python tests/fuzzing/fuzz.py --inputs 10000                  every target
    python tests/fuzzing/fuzz.py weights tensorflow --inputs 1000000 --save_dir found

Inputs are honest ones with damage. With the package atheris installed, libFuzzer
keeps the inputs that reach new lines of our code and damages these further; without it, or with
`--blind`, each input depends on its number and `--seed` alone. A fault is another error than those
by which a target may refuse, a crash, over 20 seconds, code that runs, a file changed outside the
folder of the target, or too much memory. Its input is kept in `--save_dir`, and the command ends
with status 1.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

try:  # before anything of ours is imported, so that all of it counts
    import atheris
except ImportError:
    atheris = None
guiding = __name__ == "__main__" and atheris and "--blind" not in sys.argv
with atheris.instrument_imports(include=["ppdeepfill"]) if guiding else nullcontext():
    from damaged_files import DAMAGES
    from fuzzing.targets import TARGETS
    from fuzzing.watching import watched

SECONDS = 20  # for one input
MEGABYTES = 4096  # of a whole process
LONGEST = 1 << 16  # bytes of an input


class Watched:
    """A target whose faults are raised and whose outcomes are counted.

    Args:
        name: of the target.
        folder: where it may write.
    """

    def __init__(self, name: str, folder: Path):
        self.target, self.folder = TARGETS[name], folder
        self.counts: Counter[str] = Counter()
        self.seeds = self.target.seeds()
        for seed in self.seeds:  # whatever is imported late is imported now
            self._outcome(seed)

    def __call__(self, content: bytes) -> None:
        """Raise whatever is a fault."""
        with watched(self.folder):
            self.counts[self._outcome(content)] += 1

    def _outcome(self, content: bytes) -> str:
        try:
            self.target.read(content, self.folder)
        except self.target.refusals:
            return "refused"
        return "read"

    def damaged(self, number: int, seed: int) -> bytes:
        """An input that depends on these numbers alone."""
        rng = np.random.default_rng([seed, number])
        content = self.seeds[int(rng.integers(len(self.seeds)))]
        for _ in range(int(rng.integers(1, 4))):
            if len(content) > 8:
                content = DAMAGES[int(rng.integers(len(DAMAGES)))](content, rng)
        return content


def blind(name: str, inputs: int, seed: int, save_dir: Path) -> int:
    """Run damaged inputs by number; keep those that show a fault, and return how many."""
    with tempfile.TemporaryDirectory() as folder:
        target, faults = Watched(name, Path(folder)), 0
        for number in range(inputs):
            content = target.damaged(number, seed)
            try:
                target(content)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                faults += 1
                (save_dir / f"{name}-{seed}-{number}").write_bytes(content)
                print(f"{name} {number}: {type(error).__name__}: {error}", flush=True)
    print(f"{name}: {inputs} inputs, {dict(target.counts)}, {faults} faults", flush=True)
    return faults


def guided(name: str, inputs: int, seed: int, save_dir: Path) -> None:
    """Run inputs chosen by coverage until one shows a fault; ends the process."""
    folder = Path(tempfile.mkdtemp())
    corpus, files = folder / "corpus", folder / "files"
    corpus.mkdir()
    files.mkdir()
    target = Watched(name, files)
    for number, content in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(content)
    options = [f"-runs={inputs}", f"-seed={seed + 1}", f"-timeout={SECONDS}", f"-max_len={LONGEST}"]
    options += [f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={save_dir / name}-"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()


def main() -> int:
    """Run the command line; each target runs in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--inputs", type=int, default=1000, metavar="N", help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--blind", action="store_true", help="do not choose inputs by coverage")
    parser.add_argument("--save_dir", type=Path, default=Path("output/fuzzing"))
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    arguments.save_dir.mkdir(parents=True, exist_ok=True)
    if len(names) > 1:
        options = [f"--inputs={arguments.inputs}", f"--seed={arguments.seed}"]
        options += [f"--save_dir={arguments.save_dir}", *["--blind"] * arguments.blind]
        runs = [subprocess.run([sys.executable, __file__, name, *options]) for name in names]
        return int(any(run.returncode for run in runs))
    logging.disable()
    warnings.simplefilter("ignore")
    run = guided if atheris and not arguments.blind else blind
    return int(bool(run(names[0], arguments.inputs, arguments.seed, arguments.save_dir)))


if __name__ == "__main__":
    sys.exit(main())
