"""A tiny model with a tokenizer of its own, in a folder and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CORPUS = [
    "the cat sat on the mat and the dog sat on the cat",
    "Paris is in France and Rome is in Italy; is that true or false?",
    "question: where is the city? answer: yes, no, true, false",
]


@pytest.fixture(scope="session")
def tiny_tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE of 320 tokens that takes any text, with `<s>` in front of it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=320,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    ).save_pretrained(folder)
    return folder


def save_tiny(model: Any, tokenizer_folder: Path, folder: Path) -> Path:
    """Model and tokenizer side by side in one folder, as a checkpoint has them."""
    from transformers import AutoTokenizer

    from audit.models.quiet import quiet

    with quiet():
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(tokenizer_folder).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_llama_folder(
    tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer_folder: Path
) -> Path:
    """A Llama of 4 layers with random weights, saved with its tokenizer. Do not change it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            num_hidden_layers=4,
            hidden_size=32,
            intermediate_size=48,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=320,
            max_position_embeddings=128,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    return save_tiny(model, tiny_tokenizer_folder, tmp_path_factory.mktemp("tiny_llama"))


@pytest.fixture(scope="session")
def tiny_llama(tiny_llama_folder: Path) -> Any:
    """The same model loaded on the CPU. Do not change it."""
    from audit.models.loading import load_model

    return load_model(str(tiny_llama_folder), device="cpu")
