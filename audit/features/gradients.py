"""How a feature's pre-activation follows each token's embedding: one backward pass.

A gradient proposes, an exact run decides: what is proposed here is evaluated in `visualise.py`.
Leaves nothing behind: no gradient on a parameter, no hook, no training flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audit.features.activating import alone
from audit.models.capture import places_of
from audit.models.forward import evaluating, run_batch
from audit.models.hook_names import HookPoints
from audit.models.loading import LoadedModel
from audit.models.padding import make_batch
from audit.models.quiet import quiet
from audit.models.sequences import Selection, TokenSequence
from probes.sae import SAE

if TYPE_CHECKING:
    from torch import Tensor

_WORDS_AT_ONCE = 1 << 14


def substitution_gains(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    ids: Sequence[int],
    place: int,
    words: Sequence[int],
    *,
    hook_name: str,
) -> Tensor | None:
    """What each substitution of one token adds to the pre-activation at a place, to first order.

    The gradient with respect to the one-hot of each token (Ebrahimi et al. 2018, "HotFlip";
    Zou et al. 2023, "Greedy coordinate gradient").

    Args:
        loaded: the model.
        sae: on the model's device.
        feature: which.
        ids: the sequence.
        place: position that is read.
        words: tokens to put in.
        hook_name: where the SAE reads.

    Returns:
        `[tokens, n_words]` on the host, zero behind the place; None where no gradient reaches
        the embedding: a place that only a bridge carries.
    """
    import torch

    slope = _slope(loaded, sae, feature, ids, place, hook_name)
    if slope is None:
        return None
    embedding = loaded.model.get_input_embeddings()
    device = loaded.model.device
    with evaluating(loaded.model):
        here = (embedding(torch.tensor(list(ids), device=device)).float() * slope).sum(dim=1)
        table = [
            embedding(torch.tensor(part, device=device)).float() @ slope.T
            for part in _parts(list(words))
        ]
        gains: Tensor = torch.cat(table).T - here[:, None]
        return gains.cpu().clone()


def _slope(
    loaded: LoadedModel, sae: SAE, feature: int, ids: Sequence[int], place: int, hook_name: str
) -> Tensor | None:
    """Gradient of the pre-activation with respect to the embedding's output, `[tokens, width]`."""
    import torch

    model = loaded.model
    point = HookPoints(model).resolve(hook_name)
    if point.backend != "module":
        return None
    asked = [TokenSequence(tuple(ids), (Selection((place,), (0,)),))]
    given: list[Tensor] = []
    heard: list[Tensor] = []

    def leaf(module: Any, args: Any, output: Tensor) -> Tensor:
        given.append(output.detach().clone().requires_grad_())
        return given[-1]

    def hear(read: int, x: Tensor) -> None:
        heard.append(x[0, place])

    with evaluating(model), torch.inference_mode(mode=False), torch.enable_grad(), quiet():
        one = alone(sae, feature)  # in here: a gradient takes nothing from inference mode
        batch = make_batch(asked, [0], frozenset((0,)), "right", model.device)
        handle = model.get_input_embeddings().register_forward_hook(leaf)
        try:
            run_batch(model, batch, places_of(model, [point], "module")[1], hear)
        finally:
            handle.remove()
        if not given or not heard[0].requires_grad:
            return None
        h = one.pre_activations(heard[0])[0]
        (slope,) = torch.autograd.grad(h, given[:1], allow_unused=True)
    return None if slope is None else slope[0].float()


def _parts(words: list[int]) -> list[list[int]]:
    return [words[at : at + _WORDS_AT_ONCE] for at in range(0, len(words), _WORDS_AT_ONCE)]
