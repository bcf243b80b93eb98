"""64 of 16,384 features at one place: beside the forward pass, and beside reading all of them.

A JumpReLU encoder with random weights on what GPT-2 small's shape gives at half depth. The full
encode is ours and, in an environment of its own, sae-lens' own; both must find the same numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.speed.figures import CannotRunError, Figure, figure_of
from benchmarks.speed.floor import cut_at, forward, half_depth, layer_of, own_batches, sequences
from benchmarks.speed.subjects import subject
from benchmarks.speed.timing import interleaved, ratios
from benchmarks.speed.work import Work

FEATURES, D_SAE = 64, 16_384
OF_THE_FORWARD, FASTER, APART = 0.02, 30, 1e-5
ENCODE = Path(__file__).with_name("saelens_encode.py")


def rows(work: Work) -> Iterator[Figure]:
    """Against the forward pass, our own full encode, and that of sae-lens."""
    import torch

    from probes.sae import SAE, JumpReLU

    loaded = subject("GPT-2 small", work)
    reads = half_depth(loaded)[:1]
    batches = own_batches(loaded, sequences(loaded, reads, 16), len(reads))
    cut = cut_at(loaded, layer_of(reads[0]))
    with torch.no_grad():
        hidden = [
            cut(input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
            for batch in batches
        ]
    x = torch.cat([one.reshape(-1, loaded.d_model) for one in hidden])
    rng = torch.Generator().manual_seed(0)
    W = torch.randn(loaded.d_model, D_SAE, generator=rng) / loaded.d_model**0.5
    threshold = torch.full((D_SAE,), 2.5 * float(x.std()))
    b_enc, b_dec = torch.zeros(D_SAE), torch.zeros(loaded.d_model)
    sae = SAE(W, b_enc, W.T.contiguous(), b_dec, JumpReLU(threshold))
    chosen = torch.randperm(D_SAE, generator=rng)[:FEATURES].tolist()
    reader = sae.reader(chosen)
    times = interleaved(
        {
            "forward": lambda number: forward(cut, batches),
            "all": lambda number: sae.encode(x),
            "some": lambda number: reader(x),
        },
        range(work.rounds),
        warm=-1,
    )
    name = f"{FEATURES} of {D_SAE:,} features"
    about = {"model": loaded.name, "work": f"{len(x):,} tokens, JumpReLU"}
    yield figure_of(
        ratios(times, "some", "forward"),
        f"{name} / forward at half depth",
        goal=OF_THE_FORWARD,
        peer="floor",
        **about,
    )
    yield figure_of(
        ratios(times, "all", "some"),
        f"our full encode / {name}",
        goal=FASTER,
        least=True,
        peer="SAE.encode",
        **about,
    )
    part = reader(x)
    if not part.any():
        raise AssertionError("no feature is active, so equality would say nothing")
    yield _apart(sae.encode(x)[:, chosen], part, "SAE.encode", about)
    try:
        with saelens(x, W, b_enc, b_dec, threshold) as (seconds, full):
            theirs = [seconds() for _ in range(work.rounds)]
            yield figure_of(
                [full / some for full, some in zip(theirs, times["some"], strict=True)],
                f"sae-lens' full encode / {name}",
                goal=FASTER,
                least=True,
                peer="sae-lens",
                **about,
            )
            yield _apart(full()[:, chosen], part, "sae-lens", about)
    except CannotRunError as error:
        yield Figure(
            f"sae-lens' full encode / {name}",
            None,
            FASTER,
            least=True,
            peer="sae-lens",
            note=str(error),
            **about,
        )


def _apart(full: Any, part: Any, peer: str, about: dict[str, str]) -> Figure:
    apart = float((full - part).abs().max() / full.abs().max())
    return Figure("largest relative difference", apart, APART, unit="", peer=peer, **about)


@contextmanager
def saelens(x: Any, W: Any, b_enc: Any, b_dec: Any, threshold: Any) -> Iterator[tuple[Any, Any]]:
    """sae-lens with these weights: seconds of one encode, and what it finds.

    Raises:
        CannotRunError: `SAELENS` names no Python that has it.
    """
    from safetensors.torch import load_file, save_file

    python = os.environ.get("SAELENS", "")
    if not python or not Path(python).exists():
        raise CannotRunError("SAELENS names no Python with sae-lens (make bench JUDGE=FOLDER)")
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.safetensors", Path(folder) / "found.safetensors"
        tensors = {"x": x, "W_enc": W, "b_enc": b_enc, "b_dec": b_dec, "threshold": threshold}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, given)
        with (
            (Path(folder) / "said").open("w") as said,
            subprocess.Popen(
                [python, str(ENCODE), str(given), str(found)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            stdin, stdout = process.stdin, process.stdout
            if stdout.readline().strip() != "ready":
                process.wait()
                last = (Path(folder) / "said").read_text().splitlines()[-1:]
                raise CannotRunError(f"sae-lens did not begin: {''.join(last)}")

            def seconds() -> float:
                stdin.write("encode\n")
                stdin.flush()
                return float(json.loads(stdout.readline()))

            yield seconds, lambda: load_file(found)["features"]
            stdin.close()
