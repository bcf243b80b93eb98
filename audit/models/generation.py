"""Greedy continuations: what the model writes when it is asked. The model is not changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from audit.models.batching import batch_tokens, longest_first, run_in_batches
from audit.models.forward import evaluating
from audit.models.loaded import LoadedModel, device_of
from audit.models.padding import make_batch
from audit.models.quiet import quiet
from audit.models.sequences import TokenSequence


def continuations(
    loaded: LoadedModel,
    prompts: Sequence[tuple[int, ...]],
    max_new_tokens: int,
    *,
    max_batch_tokens: int | None = None,
    on_event: Callable[[str], None] | None = None,
) -> list[str]:
    """The most probable next token, again and again, as text without the prompt.

    Args:
        loaded: a model that can write.
        prompts: token ids; equal ones are continued once.
        max_new_tokens: where to stop, unless the model ends before.
        max_batch_tokens: most tokens in a batch, those to come included.
        on_event: told in a sentence when a batch had to be halved.

    Raises:
        UsageError: the model cannot write.
        MeasurementError: not even one prompt fits into memory.
    """
    loaded.must_speak()
    distinct = [TokenSequence(ids) for ids in dict.fromkeys(prompts)]
    lengths = [len(sequence.ids) + max_new_tokens for sequence in distinct]
    order = longest_first(lengths, range(len(distinct)))
    device = device_of(loaded.model)
    written: dict[tuple[int, ...], str] = {}
    config = _greedy(loaded, max_new_tokens)

    def run(start: int, stop: int) -> None:
        chosen = order[start:stop]
        batch = make_batch(distinct, chosen, frozenset(), "left", device)
        mask = batch.attention_mask
        output = loaded.model.generate(
            batch.input_ids,
            attention_mask=batch.input_ids.new_ones(batch.input_ids.shape)
            if mask is None
            else mask,
            generation_config=config,
        )
        new = output[:, batch.input_ids.shape[1] :].tolist()
        for index, tokens in zip(chosen, new, strict=True):
            written[distinct[index].ids] = _text(loaded.tokenizer, tokens, config.eos_token_id)

    with evaluating(loaded.model), quiet():
        run_in_batches(
            order,
            lengths,
            run,
            max_batch_tokens=max_batch_tokens or batch_tokens(str(device), loaded.d_model),
            on_event=on_event,
        )
    return [written[ids] for ids in prompts]


def _greedy(loaded: LoadedModel, max_new_tokens: int) -> Any:
    from transformers import GenerationConfig

    usual = loaded.model.generation_config
    end = usual.eos_token_id
    if end is None:
        end = loaded.tokenizer.eos_token_id
    pad = usual.pad_token_id
    if pad is None:
        pad = end[0] if isinstance(end, list) else end
    return GenerationConfig(
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        max_new_tokens=max_new_tokens,
        bos_token_id=usual.bos_token_id,
        eos_token_id=end,
        pad_token_id=0 if pad is None else pad,
    )


def _text(tokenizer: Any, tokens: list[int], end: int | list[int] | None) -> str:
    """What was written up to the first end token."""
    ends = set(end) if isinstance(end, list) else {end}
    cut = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
    return str(tokenizer.decode(tokens[:cut], skip_special_tokens=True))
