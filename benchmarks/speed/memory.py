"""What memory grows by from a thousand prompts to a hundred thousand.

Each size is a process of its own, which says what it held when the prompts were ready and at its
peak. Capture must grow by the pooled vectors alone; a whole audit by those, the scores, and what
its rows are made of: text, tokens, ids, which it is given and cannot be without.

    python -m benchmarks.speed.memory PROMPTS audit|capture
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.figures import Figure
from benchmarks.speed.prompts import SHORTEST
from benchmarks.speed.work import Work

WIDTH, LAYERS = 256, 1
GOAL = 1.1


def rows(work: Work) -> Iterator[Figure]:
    """Growth over the bytes that must be kept, of capture and of a whole audit."""
    few, many = work.few_prompts, work.many_prompts
    for what, named in (("capture", "pooled vectors"), ("audit", "pooled vectors, scores, rows")):
        small, large = (measured(size, what) for size in (few, many))
        grown = large["peak"] - small["peak"]
        kept = large["kept"] - small["kept"]
        yield Figure(
            f"growth of memory, {what} / {named}",
            grown / kept,
            GOAL,
            peer="bytes",
            model=f"tiny Llama, d {WIDTH}",
            work=f"{few:,} to {many:,} prompts",
            note=f"{what}: {grown / 1e6:,.0f} MB more at its peak, of which {kept / 1e6:,.0f} MB "
            f"are {named}",
        )


def measured(size: int, what: str) -> dict[str, float]:
    """What a process of its own says: bytes at its peak, and bytes that must be kept."""
    command = [sys.executable, "-m", "benchmarks.speed.memory", str(size), what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peak() -> int:
    """Bytes that this process held at most.

    Not `ru_maxrss`: that of a child begins with what its parent held.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _resident() -> int:
    """Bytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _capture(size: int) -> tuple[int, int]:
    """Peak over what the prompts themselves take, and bytes of the vectors."""
    import numpy as np

    from audit.models.capture import Read, Selection, TokenSequence, capture
    from audit.models.loaded import wrap_model
    from benchmarks.speed.prompts import tokenizer
    from benchmarks.speed.tiny import tiny

    loaded = wrap_model(tiny(LAYERS, WIDTH), tokenizer(), digest=False)
    rng = np.random.default_rng(0)
    all_of_it = (Selection(tuple(range(SHORTEST)), (0,)),)
    drawn = rng.integers(len(tokenizer()), size=(size, SHORTEST))
    sequences = [TokenSequence(tuple(ids.tolist()), all_of_it) for ids in drawn]
    del drawn
    given = _resident()
    found = capture(loaded, sequences, [Read("blocks.0.hook_resid_post", "mean")])
    return _peak() - given, found.vectors[0].nbytes


def _audit(size: int) -> tuple[int, int]:
    """Peak of an audit, and the bytes of its vectors, scores and rows."""
    import numpy as np

    from audit.engine.opening import open_suites, select_checks
    from audit.engine.plan import make_plan
    from audit.engine.run import run_audit
    from audit.models.loaded import wrap_model
    from benchmarks.speed.prompts import Prompt, tokenizer, words
    from benchmarks.speed.suite_files import write_suite
    from benchmarks.speed.tiny import tiny

    loaded = wrap_model(tiny(LAYERS, WIDTH), tokenizer(), digest=False)
    known, rng = words(), np.random.default_rng(0)
    drawn = rng.integers(len(known), size=(size, SHORTEST))
    made = [
        Prompt(" ".join(known[word] for word in line), 1 - row % 2, f"pair {row // 2}")
        for row, line in enumerate(drawn)
    ]
    with tempfile.TemporaryDirectory() as folder:
        suite = write_suite(Path(folder), made, checks=1, shared=1.0)
        del made, drawn
        before = _resident()
        plan = make_plan(select_checks(open_suites([suite])), loaded)
        rows = _resident() - before
        vectors = plan.activation_bytes(WIDTH)
        del plan
        run_audit(suite, loaded, out=Path(folder) / "run")
    return _peak(), rows + vectors + 8 * size


if __name__ == "__main__":
    peak, kept = {"capture": _capture, "audit": _audit}[sys.argv[2]](int(sys.argv[1]))
    print(json.dumps({"peak": peak, "kept": kept}))
