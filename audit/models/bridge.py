"""The second backend: places that only TransformerLens' own modules carry, such as `hook_z`.

A bridge replaces the modules of the model it is built around and switches it to eager
attention, so it is always built around a copy: the model that is audited, or trained, is
never touched. That costs the memory of a second model while it is used.
"""

from __future__ import annotations

import copy
from typing import Any

from audit.models.hook_names import architecture_name
from audit.models.quiet import quiet


def bridge_names(model: Any) -> frozenset[str]:
    """Every hook name that a bridge around this model would have, without a weight in memory."""
    # Not the meta device: adapters refuse to split fused projections there.
    from torch._subclasses.fake_tensor import FakeTensorMode

    with quiet(), FakeTensorMode():
        shell = type(model)(copy.deepcopy(model.config))
        return frozenset(_bridge(shell).hook_dict)


def bridge_of(model: Any) -> Any:
    """A `TransformerBridge` around a copy of the model, in eval mode."""
    with quiet():
        return _bridge(copy.deepcopy(model)).eval()


def _bridge(model: Any) -> Any:
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    model.set_attn_implementation("eager")
    return build_bridge_from_module(
        model, architecture_name(model), hf_config=model.config, model_name="audited"
    )
