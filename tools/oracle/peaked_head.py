"""A head whose decisions are clear-cut, as a trained model's are.

A random head leaves the two best logits close together on many steps, and 16-bit rounding then decides. Here the
head is fitted to one recording: row t becomes the mean of the (normalised) final states that should answer token t,
so that greedy decoding retells a chosen random sequence with a wide margin. Every layer still takes part.
"""

import numpy as np
import torch

from checkpoints import make_model
from recorder import Recorder
from reference import Reference
from saving import TORCH_TYPES
from shapes import CheckpointShape


def _round_weights(model, shape: CheckpointShape) -> None:
    for name, parameter in model.named_parameters():
        if not name.startswith("codec_model."):
            parameter.data = parameter.data.to(TORCH_TYPES[shape.dtype]).float()


def make_peaked_model(shape: CheckpointShape, seed: int, input_values: torch.Tensor):
    """input_values [1, 1, samples]: the recording to which the head is fitted."""
    model = make_model(shape, seed)
    _round_weights(model, shape)
    reference = Reference.__new__(Reference)  # the runner without a folder
    reference.model, reference.config = model, model.config
    codes = reference.encode(input_values).codes
    steps = input_values.shape[-1] // model.config.frame_size
    generator = np.random.default_rng(seed)
    answers = np.resize(generator.permutation(np.arange(4, shape.vocab_size - 1)), steps)
    tokens = np.concatenate([[shape.bos_token_id], answers[:-1]])[None]
    recorder = Recorder(keep_tensors=True)
    reference.force(tokens, codes, recorder)
    states = recorder.take("decoder.norm")[0]
    states = states - states.mean(dim=0)
    head = model.lm_head.weight.data
    head *= 0.1
    for token in np.unique(answers):
        direction = states[torch.from_numpy(answers == token)].mean(dim=0)
        head[token] += 3 * direction / direction.norm()
    head[-1] = 0
    _round_weights(model, shape)
    return model
