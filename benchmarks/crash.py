"""Kill an orchestrator at random moments of running workflows, and count what came of it.

    python benchmarks/crash.py [--kills 200] [--seed N] [--longest SECONDS]

Every kill hits a process that submits and runs workflows whose tasks append a line to a file each
time they run, and that pauses, resumes, cancels, retries, reruns, publishes and executes at random; a
client in it notes every event that it saw. Half of the time a second such process works on the same data
directory, and goes on for a moment with what the first left. Whenever both are dead the log is compared
with these notes. Ends with exit code 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.crash.trial import Trial  # noqa: E402

#: Share of kills that wait until the data directory is open; the others also hit the taking over.
OPEN = 0.7
#: Share of those with a second orchestrator beside.
TOGETHER = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--longest", type=float, default=1.0, help="seconds until the kill, at most")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wf_jupyter-crash-") as folder:
        trial = Trial(Path(folder), options.seed)
        checked = 0
        while trial.figures.kills < options.kills and not trial.figures.troubles:
            children = [trial.start("commands")]
            if trial.luck.random() < OPEN:
                trial.expect(children[0], b"open\n")
            if trial.luck.random() < TOGETHER:
                children.append(trial.start("commands", "two"))
            for child in children:
                trial.kill(child, options.longest)
            trial.check(is_over=False, clients=("one", "two"))
            if trial.figures.kills // 20 > checked:
                checked = trial.figures.kills // 20
                print(f"{trial.figures.kills} kills, {len(trial.figures.troubles)} troubles", flush=True)
        trial.finish()
        trial.check(is_over=True)
    print(f"{trial.figures.told()}\nseed {options.seed}, {time.monotonic() - began:.0f} s")
    return 1 if trial.figures.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
