"""A sparse autoencoder as a value: encode, decode, and only the columns that are asked for.

SAELens' names and orientation, whatever format it came from. Everything is float32. Knows
nothing of files (`formats.py`) or of models: activations come in, feature activations go out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import TYPE_CHECKING, Literal, NamedTuple

from probes.base import ProbeError
from probes.sae.activations import Activation

if TYPE_CHECKING:
    from torch import Tensor

Normalization = Literal["none", "constant_norm", "layer_norm"]
_TILE = 16  # columns
_CHUNK = 1024  # tokens whose features are all held at once
LAYER_NORM_EPS = 1e-5  # added to the standard deviation, not to the variance (SAELens, OpenAI)


class SAEError(ProbeError):
    """An SAE that is not what it should be: the sentence names file, expected and found."""


@dataclass(frozen=True)
class Origin:
    """Where an SAE came from, and what its files promise.

    Attributes:
        format: a name in the table `SAE_FORMATS`.
        path: folder, file or hub id, as the user wrote it.
        digest: sha256 over its files, or over its tensors for one made in memory.
        model_name: the model it was trained on, as its files say.
        hook_name: where it reads, in TransformerLens' words; None where its files do not say.
        hook_name_out: where it writes to, for a transcoder.
        context_size: longest context it was trained on, in tokens.
        prepend_bos: whether its training contexts began with BOS.
        promised_l0: features per token that its files promise: `k`, an `average_l0` in the
            folder's name, or the sum of the stored densities.
        neuronpedia_id: `model/place` where its features are labelled in public.
        notes: sentences for people: what was inferred, folded or ignored, and why.
    """

    format: str
    path: str = ""
    digest: str = ""
    model_name: str | None = None
    hook_name: str | None = None
    hook_name_out: str | None = None
    context_size: int | None = None
    prepend_bos: bool | None = None
    promised_l0: float | None = None
    neuronpedia_id: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        promised, context = self.promised_l0, self.context_size
        if promised is not None and not 0 < promised < math.inf:
            raise SAEError(
                f"{self.path or 'SAE'}: expected to promise a positive number of features per "
                f"token, found {promised}"
            )
        if context is not None and context < 1:
            raise SAEError(
                f"{self.path or 'SAE'}: expected contexts of at least one token, found {context}"
            )


class _Scale(NamedTuple):
    """What normalisation took from an input and gives back to a reconstruction."""

    mean: Tensor | float
    scale: Tensor | float


@dataclass(frozen=True, eq=False, repr=False)
class SAE:
    """A sparse autoencoder, or a transcoder where it reads one place and writes another.

    `encode`: normalise x, take away `b_dec` where `apply_b_dec_to_input`, then
    `activation(x @ W_enc + b_enc)`. `decode`: `feature_acts @ W_dec + b_dec`, brought back to
    the input's scale.

    Attributes:
        W_enc: `[d_in, d_sae]`.
        b_enc: `[d_sae]`.
        W_dec: `[d_sae, d_out]`.
        b_dec: `[d_out]`.
        activation: how pre-activations become feature activations.
        apply_b_dec_to_input: whether `b_dec` is taken from the input first.
        normalization: of the input, per token. A scalar of the whole data set is folded into
            the weights when an SAE is loaded.
        centre: take the mean over the width from each token first. For SAEs trained on
            TransformerLens' processed weights (`center_writing_weights`).
        W_skip: `[d_in, d_out]`, the linear path of a skip transcoder.
        norm_limit: no feature fires on a token whose activation is longer: an attention sink is
            tens of times as long as other tokens and would drown every maximum. None for none.
        origin: where it came from.
    """

    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor
    activation: Activation
    apply_b_dec_to_input: bool = False
    normalization: Normalization = "none"
    centre: bool = False
    W_skip: Tensor | None = None
    norm_limit: float | None = None
    origin: Origin = field(default_factory=lambda: Origin("memory"))

    def __post_init__(self) -> None:
        import torch

        d_in, d_sae = self.W_enc.shape
        d_out = self.W_dec.shape[1]
        expected = {
            "b_enc": (d_sae,),
            "W_dec": (d_sae, d_out),
            "b_dec": (d_out,),
            "W_skip": (d_in, d_out),
        }
        for name in ("W_enc", *expected):
            tensor = getattr(self, name)
            if tensor is None:
                continue
            if name in expected and tuple(tensor.shape) != expected[name]:
                raise SAEError(
                    f"{self.origin.path or 'SAE'}: expected {name} {list(expected[name])} beside "
                    f"W_enc {[d_in, d_sae]}, found {list(tensor.shape)}"
                )
            object.__setattr__(self, name, tensor.detach().to(torch.float32).contiguous())
        if self.apply_b_dec_to_input and d_out != d_in:
            raise SAEError(
                f"{self.origin.path or 'SAE'}: b_dec [{d_out}] cannot be taken from an input of "
                f"width {d_in}"
            )

    @property
    def d_in(self) -> int:
        """Width of the activations that it reads."""
        return int(self.W_enc.shape[0])

    @property
    def d_sae(self) -> int:
        """Number of features."""
        return int(self.W_enc.shape[1])

    @property
    def d_out(self) -> int:
        """Width of what it reconstructs."""
        return int(self.W_dec.shape[1])

    @property
    def is_transcoder(self) -> bool:
        """Whether it predicts another place than the one it reads."""
        return self.origin.hook_name_out not in (None, self.origin.hook_name)

    def pre_activations(self, x: Tensor) -> Tensor:
        """`[..., d_sae]` before the activation function, of `x [..., d_in]`.

        Raises:
            SAEError: the last axis is not `d_in` wide.
        """
        return self._read(x)[0] @ self.W_enc + self.b_enc

    def encode(self, x: Tensor, features: Sequence[int] | None = None) -> Tensor:
        """Feature activations of activations.

        Args:
            x: `[..., d_in]`, any float dtype; the SAE's own device.
            features: only these, in this order. Where the activation function is separable
                only their columns of the encoder are read.

        Returns:
            `[..., d_sae]`, or `[..., len(features)]`, float32, zero or positive.

        Raises:
            SAEError: the last axis is not `d_in` wide, or a feature does not exist.
        """
        if features is not None:
            return self.reader(features)(x)
        acts = self.activation(self.pre_activations(x))
        if self.norm_limit is None:
            return acts
        short: Tensor = x.float().norm(dim=-1, keepdim=True) <= self.norm_limit
        return acts * short

    def reader(self, features: Sequence[int]) -> FeatureReader:
        """The encoder of some features alone, prepared once for many calls.

        Raises:
            SAEError: a feature does not exist.
        """
        chosen = _numbers(self.origin.path, features)
        wrong = [feature for feature in chosen if not 0 <= feature < self.d_sae]
        if wrong or not chosen:
            said = f"there is no feature {wrong[0]}" if wrong else "no feature is named"
            raise SAEError(f"{self.origin.path or 'SAE'}: {said}; it has 0 to {self.d_sae - 1}")
        if not self.activation.separable:
            return FeatureReader(self, chosen, sliced=False)
        if chosen == tuple(range(self.d_sae)):
            return FeatureReader(self, chosen, sliced=True)
        # Narrower than a tile, a matrix product sums in another order and its last bit differs.
        columns = [*chosen, *chosen[:1] * (-len(chosen) % _TILE)]
        slim = replace(
            self,
            W_enc=self.W_enc[:, columns],
            b_enc=self.b_enc[columns],
            W_dec=self.W_dec[columns],
            activation=self.activation.select(columns),
        )
        return FeatureReader(slim, chosen, sliced=True)

    def decode(self, feature_acts: Tensor, x: Tensor | None = None) -> Tensor:
        """What feature activations stand for, `[..., d_out]`.

        Args:
            feature_acts: `[..., d_sae]`.
            x: `[..., d_in]` that they were encoded from. Wanted where a per-token
                normalisation or a skip path makes the output depend on it.

        Raises:
            SAEError: `x` is wanted and not given, or widths do not fit.
        """
        if feature_acts.shape[-1] != self.d_sae:
            raise SAEError(
                f"{self.origin.path or 'SAE'}: expected feature activations of width "
                f"{self.d_sae}, found {feature_acts.shape[-1]}"
            )
        out: Tensor = feature_acts.float() @ self.W_dec + self.b_dec
        if self.normalization == "none" and not self.centre and self.W_skip is None:
            return out
        if x is None:
            raise SAEError(
                f"{self.origin.path or 'SAE'}: what it decodes depends on its input "
                f"({self._depends()}); call decode(feature_acts, x), or reconstruct(x)"
            )
        _, taken = self._read(x)
        if self.W_skip is not None:
            out = out + x.float() @ self.W_skip
        return out * taken.scale + taken.mean

    def reconstruct(self, x: Tensor) -> Tensor:
        """`decode(encode(x))` in the units of the place it writes, `[..., d_out]`."""
        return self.decode(self.encode(x), x)

    def to(self, device: object) -> SAE:
        """The same on another device."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device)  # type: ignore[call-overload,no-any-return]

        return replace(
            self,
            W_enc=moved(self.W_enc),
            b_enc=moved(self.b_enc),
            W_dec=moved(self.W_dec),
            b_dec=moved(self.b_dec),
            W_skip=None if self.W_skip is None else moved(self.W_skip),
            activation=self.activation.to(device),
        )

    def __repr__(self) -> str:
        place = f" at {self.origin.hook_name}" if self.origin.hook_name else ""
        path = f" from {self.origin.path}" if self.origin.path else ""
        return (
            f"SAE({self.activation.name}, d_in {self.d_in}, d_sae {self.d_sae}, d_out "
            f"{self.d_out}{place}{path})"
        )

    def _depends(self) -> str:
        parts: list[str] = [self.normalization] if self.normalization != "none" else []
        parts += ["centring"] if self.centre else []
        parts += ["a skip path"] if self.W_skip is not None else []
        return ", ".join(parts)

    def _read(self, x: Tensor) -> tuple[Tensor, _Scale]:
        """The input as the encoder wants it, and what was taken from it."""
        if not hasattr(x, "float"):
            raise SAEError(
                f"{self.origin.path or 'SAE'}: expected activations as a torch tensor, found a "
                f"{type(x).__name__}"
            )
        width = x.shape[-1] if x.ndim else 0
        if width != self.d_in:
            raise SAEError(
                f"{self.origin.path or 'SAE'}: expected activations of width {self.d_in}, "
                f"found {width}"
            )
        x = x.float()
        mean: Tensor | float = 0.0
        scale: Tensor | float = 1.0
        if self.centre or self.normalization == "layer_norm":
            mean = x.mean(dim=-1, keepdim=True)
            x = x - mean
        if self.normalization == "layer_norm":
            scale = x.std(dim=-1, keepdim=True)
            x = x / (scale + LAYER_NORM_EPS)  # what is given back is the plain deviation
        elif self.normalization == "constant_norm":
            scale = x.norm(dim=-1, keepdim=True) / self.d_in**0.5
            x = x / scale
        if self.apply_b_dec_to_input:
            x = x - self.b_dec
        return x, _Scale(mean, scale)


def _numbers(path: str, features: object) -> tuple[int, ...]:
    """The features as whole numbers; a mask or a text would read others than are meant."""
    given = features.tolist() if hasattr(features, "tolist") else features
    if (
        (not isinstance(given, Sequence) and not isinstance(given, range))
        or isinstance(given, str | bytes)
        or any(isinstance(one, bool) or not isinstance(one, Integral) for one in given)
    ):
        raise SAEError(
            f"{path or 'SAE'}: expected features by number such as [12, 77], found {given!r:.60}"
        )
    return tuple(int(one) for one in given)


@dataclass(frozen=True, eq=False, repr=False)
class FeatureReader:
    """Reads some features of an SAE: `reader(x [..., d_in]) -> [..., n_features]`.

    Attributes:
        sae: where `sliced` only the wanted columns, and some twice to fill a tile; otherwise
            all of them.
        features: their numbers in the whole SAE.
        sliced: whether only the wanted columns are read. TopK and GroupMax compare all
            features, so they are all read and the wanted ones are picked.
    """

    sae: SAE
    features: tuple[int, ...]
    sliced: bool

    def __call__(self, x: Tensor) -> Tensor:
        """Activations `[..., n_features]` of `x [..., d_in]`, in the order of `features`."""
        import torch

        if self.sliced:
            return self.sae.encode(x)[..., : len(self.features)]
        # All features of some tokens at a time: of all tokens they would fill the memory.
        chosen = list(self.features)
        tokens = x.reshape(-1, x.shape[-1])
        starts = range(0, len(tokens), _CHUNK)
        parts = [self.sae.encode(tokens[start : start + _CHUNK])[:, chosen] for start in starts]
        found = torch.cat(parts) if parts else tokens.new_zeros(0, len(chosen))
        return found.reshape(*x.shape[:-1], len(chosen))
