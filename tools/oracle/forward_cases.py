"""Calls of forward() and what transformers makes of them: the cases of test/fixtures/forward and of compare-forward.py.

A case is a list of calls on one model; calls with `cache` go on with the cache of the call before. Everything a call
takes and gives is a tensor, so that a port can be given the same and compared.
"""

from dataclasses import dataclass, field

import torch
from transformers import DynamicCache


@dataclass
class Call:
    inputs: dict  # names of forward's arguments to tensors or plain values
    cache: str = "new"  # "new": DynamicCache(config), "full": DynamicCache(), "none", "last": of the call before
    outputs: list = field(default_factory=lambda: ["logits"])  # what is compared


@dataclass
class Case:
    name: str
    calls: list


def random_ids(generator: torch.Generator, config, rows: int, length: int) -> torch.Tensor:
    """[rows, length, 1 + num_codebooks]; the first column of each row as generate() has it."""
    text = torch.randint(0, config.vocab_size, (rows, length, 1), generator=generator)
    codes = torch.randint(0, config.codebook_vocab_size, (rows, length, config.num_codebooks), generator=generator)
    ids = torch.cat([text, codes], dim=2)
    ids[:, 0, 1:] = config.audio_bos_token_id
    return ids


def left_padded(ids: torch.Tensor, padding: list[int]) -> dict:
    """Rows shifted to the right by `padding`, mask and positions as generate() makes them for such a batch."""
    mask = torch.ones(ids.shape[:2], dtype=torch.long)
    for row, n in enumerate(padding):
        mask[row, :n] = 0
        ids[row, n:] = ids[row, : ids.shape[1] - n].clone()
    return {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}


def make_cases(config, seed: int) -> list[Case]:
    g = torch.Generator().manual_seed(seed)
    window, vocab, hidden = config.sliding_window, config.vocab_size, config.hidden_size
    everything = ["logits", "hidden_states", "attentions", "loss"]
    ids = random_ids(g, config, 2, 9)
    labels = torch.randint(0, vocab, (2, 9), generator=g)
    labels[0, :3] = -100
    ask = {"output_hidden_states": True, "output_attentions": True}

    steps = random_ids(g, config, 1, window + 6)
    prefill = 7
    stepwise = [Call({"input_ids": steps[:, :prefill]})]
    stepwise += [Call({"input_ids": steps[:, i : i + 1]}, "last") for i in range(prefill, steps.shape[1])]
    stepwise[-1].inputs.update(ask)
    stepwise[-1].outputs = ["logits", "hidden_states", "attentions", "cache"]

    long = random_ids(g, config, 2, window + 5)
    beyond = [
        Call({"input_ids": long[:, : window + 2]}, outputs=["logits", "cache"]),
        Call({"input_ids": long[:, window + 2 :], **ask}, "last", ["logits", "attentions", "cache"]),
    ]
    full = [Call(dict(call.inputs), "full" if i == 0 else "last", ["logits"]) for i, call in enumerate(beyond)]

    padded = left_padded(random_ids(g, config, 3, 10), [0, 4, 7])
    more = random_ids(g, config, 3, 2)
    padded_steps = [
        Call({**padded, **ask}, outputs=["logits", "attentions"]),
        Call(
            {
                "input_ids": more,
                "attention_mask": torch.cat([padded["attention_mask"], torch.ones(3, 2, dtype=torch.long)], dim=1),
                "position_ids": padded["position_ids"][:, -1:] + torch.arange(1, 3),
            },
            "last",
        ),
    ]
    right = torch.ones(2, 6, dtype=torch.long)
    right[1, 4:] = 0
    holes = torch.ones(2, 6, dtype=torch.long)
    holes[0, 2], holes[1, 0] = 0, 0

    bias = torch.zeros(2, 1, 6, 6).masked_fill(torch.ones(6, 6).triu(1).bool(), float("-inf"))
    bias[0, 0, 4, 1] = -1.5
    bias[1, 0, 2, 3] = 0.25  # sees a later position
    heads = torch.randn(1, config.num_attention_heads, 6, 6, generator=g)
    packed = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 0, 1, 2, 3]])
    six = random_ids(g, config, 2, 6)
    embeds = torch.randn(2, 5, hidden, generator=g)
    return [
        Case("one-pass", [Call({"input_ids": ids, "labels": labels, **ask}, "none", everything)]),
        Case("with-cache", [Call({"input_ids": ids, "labels": labels, **ask}, "new", [*everything, "cache"])]),
        Case("stepwise", stepwise),
        Case("beyond-window", beyond),
        Case("full-cache", full),
        Case("left-padding", padded_steps),
        Case("right-padding", [Call({"input_ids": six, "attention_mask": right}, "none")]),
        Case("holes", [Call({"input_ids": six, "attention_mask": holes, **ask}, "new", ["logits", "attentions"])]),
        Case("bias", [Call({"input_ids": six, "attention_mask": bias, **ask}, "none", ["logits", "attentions"])]),
        Case("bias-per-head", [Call({"input_ids": six, "attention_mask": heads}, "none")]),
        Case("packed", [Call({"input_ids": six, "position_ids": packed, **ask}, "none", ["logits", "attentions"])]),
        Case("positions", [Call({"input_ids": six, "position_ids": torch.arange(6)[None] + 1000}, "new")]),
        Case("embeds", [Call({"inputs_embeds": embeds, **ask}, "new", ["logits", "hidden_states"])]),
        Case("last-two", [Call({"input_ids": six, "logits_to_keep": 2})]),
        Case("chosen", [Call({"input_ids": six, "logits_to_keep": torch.tensor([4, 0, -1])})]),
        Case("shifted", [Call({"input_ids": six, "shift_labels": labels[:, :6].contiguous(), "labels": labels[:, :6]}, "none", ["loss"])]),
        Case("divided", [Call({"input_ids": ids, "labels": labels, "num_items_in_batch": 40}, "none", ["loss"])]),
        Case("no-labels", [Call({"input_ids": six, "labels": torch.full((2, 6), -100)}, "none", ["loss"])]),
    ]


@torch.no_grad()
def run_case(model, case: Case) -> list[dict]:
    """Per call the compared outputs by name: logits, hidden_states.L, attentions.L, loss, keys.L, values.L."""
    results, cache = [], None
    for call in case.calls:
        if call.cache != "last":
            cache = {"new": DynamicCache(config=model.config), "full": DynamicCache(), "none": None}[call.cache]
        output = model(**call.inputs, past_key_values=cache, use_cache=cache is not None)
        found = {}
        for name in call.outputs:
            if name == "cache":
                for i, layer in enumerate(cache.layers):
                    found[f"keys.{i}"], found[f"values.{i}"] = layer.keys, layer.values
            elif name in ("hidden_states", "attentions"):
                found.update({f"{name}.{i}": tensor for i, tensor in enumerate(output[name])})
            else:
                found[name] = output[name]
        results.append({name: tensor.detach().float().contiguous().clone() for name, tensor in found.items()})
    return results
