"""From the words that formats use for places in a model to TransformerLens' hook names.

Knows module paths of Hugging Face models as the formats write them. Where a word means
different places in different models it says nothing rather than guess.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(
    r"(?:^|\.)(?:layers|h|blocks)[._](?P<layer>\d+)(?:\.(?!(?:in|out)put$)(?P<rest>[\w.]+?))?"
    r"(?:\.(?P<side>input|output))?$"
)
_OUTPUTS = {
    None: "hook_resid_post",
    "self_attn": "hook_attn_out",
    "attn": "hook_attn_out",
    "attention": "hook_attn_out",
    "mlp": "hook_mlp_out",
    "post_feedforward_layernorm": "hook_mlp_out",  # Gemma 2 and 3 only have it
    "pre_feedforward_layernorm": "mlp.hook_in",
}
_INPUTS = {
    None: "hook_resid_pre",
    "mlp": "mlp.hook_in",
    "self_attn.o_proj": "attn.hook_z",
    "pre_feedforward_layernorm": "hook_resid_mid",
}


def hook_name(module: str, side: str = "output", model_name: str | None = None) -> str | None:
    """The hook name of a module's input or output, None where it has no plain one.

    Args:
        module: `layers.10`, `model.layers.5.mlp.output`, `embed_tokens`.
        side: which tensor, where the path does not end with it.
        model_name: of the model, as the files say: Gemma 2 and 3 put a norm behind attention
            and MLP, so their modules' outputs are not what TransformerLens calls by that name.
    """
    if module.split(".")[-1] in ("embed_tokens", "embed_in", "wte"):
        return "hook_embed"
    found = _BLOCK.search(module)
    if found is None:
        return None
    side = found["side"] or side
    rest = found["rest"]
    normed = re.search(r"gemma-?[23]", (model_name or "").lower()) is not None
    if normed and side == "output" and rest in ("mlp", "attn", "self_attn"):
        return None
    place = (_OUTPUTS if side == "output" else _INPUTS).get(rest)
    return None if place is None else f"blocks.{found['layer']}.{place}"


def layer_in(trail: str) -> int | None:
    """The last layer that a trail of names speaks of: `layer_12`, or else `-l19`."""
    found = re.findall(r"layer[_.]?(\d+)", trail) or re.findall(r"[-/][lL](\d+)(?=\D|$)", trail)
    return int(found[-1]) if found else None
