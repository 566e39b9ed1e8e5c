"""Runs transformers on a checkpoint and records what a port has to reproduce.

    python reference.py CHECKPOINT FILE.wav... [--audio-window-size N] [--max-new-tokens N]

prints one JSON object per file, shaped like the output of `kyutai-stt generate`, with the codes added.
"""

import argparse
import json
import os
from dataclasses import dataclass

import numpy as np
import torch
from transformers import DynamicCache, KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor
from transformers.models.mimi.modeling_mimi import MimiResnetBlock

from transformers.utils import logging

from recorder import Recorder

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(int(os.environ.get("KSTT_ORACLE_THREADS", "1")))


@dataclass
class Encoded:
    codes: np.ndarray  # i32 [rows, num_quantizers, frames]
    gaps: np.ndarray  # f64, same shape: (second distance - best distance) / best distance


@dataclass
class Forced:
    argmax: np.ndarray  # i32 [rows, steps]
    gaps: np.ndarray  # f64 [rows, steps]: best logit - second logit, over the spread of that step's logits
    logits: torch.Tensor  # [rows, steps, vocab_size]


class Reference:
    def __init__(self, folder: str, dtype="auto"):
        self.model = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
        self.processor = KyutaiSpeechToTextProcessor.from_pretrained(folder)
        self.config = self.model.config
        self._repair_shortcuts()
        self._repair_codebooks()

    def _repair_codebooks(self) -> None:
        """generate of transformers 5.18 fails when the decoder reads fewer codebooks than the codec computes: it copies
        all of them into a buffer of the smaller shape. Codebook k does not depend on later ones: ask for fewer."""
        codec, wanted = self.model.codec_model, self.config.num_codebooks
        encode = codec.encode

        def encode_for_generate(input_values, **kwargs):
            if kwargs.get("padding_cache") is not None:
                kwargs["num_quantizers"] = wanted
            return encode(input_values, **kwargs)

        codec.encode = encode_for_generate

    def _repair_shortcuts(self) -> None:
        """transformers 5.18 gives the shortcut convolutions no place in the padding cache, so that generate fails with
        use_conv_shortcut. Their kernel is 1, they need no cache: leave it out."""
        for module in self.model.codec_model.encoder.modules():
            if isinstance(module, MimiResnetBlock) and self.config.codec_config.use_conv_shortcut:
                forward = module.shortcut.forward
                module.shortcut.forward = lambda x, padding_cache=None, forward=forward: forward(x)

    def input_values(self, audios: list[np.ndarray]) -> torch.Tensor:
        """[rows, 1, samples], as the processor pads them."""
        audio = audios[0] if len(audios) == 1 else audios
        rate = self.config.codec_config.sampling_rate
        return self.processor(audio=audio, sampling_rate=rate, return_tensors="pt")["input_values"]

    @torch.no_grad()
    def encode(self, input_values: torch.Tensor, recorder: Recorder | None = None) -> Encoded:
        codec = self.model.codec_model
        dtype = next(codec.parameters()).dtype
        recorder = recorder or Recorder()
        with recorder.on_codec(codec):
            codes = codec.encode(input_values.to(dtype)).audio_codes
        rows = codes.shape[0]
        gaps = [gap.reshape(rows, -1) for gap in recorder.code_gaps]
        return Encoded(np.ascontiguousarray(codes.numpy(), dtype=np.int32), np.stack(gaps, axis=1))

    @torch.no_grad()
    def generate(self, input_values: torch.Tensor, audio_window_size: int | None = None, max_new_tokens: int | None = None):
        """i32 [rows, 1 + steps]. The window size counts only as an attribute of the loaded generation config:
        5.18 neither restores it from generation_config.json nor takes it as an argument."""
        self.model.generation_config.audio_window_size = audio_window_size
        codec_dtype = next(self.model.codec_model.parameters()).dtype
        tokens = self.model.generate(input_values=input_values.to(codec_dtype), max_new_tokens=max_new_tokens, do_sample=False)
        return tokens.numpy().astype(np.int32)

    @torch.no_grad()
    def force(self, tokens: np.ndarray, codes: np.ndarray, recorder: Recorder | None = None) -> Forced:
        """Step by step through the KV cache: one call over the whole sequence would attend to everything, because
        transformers applies the decoder's window only by dropping old keys from the cache.

        tokens [rows, steps] BOS first; step s reads codes of frame s - 1."""
        recorder = recorder or Recorder()
        rows, steps = tokens.shape
        audio = torch.from_numpy(codes[:, : self.config.num_codebooks].astype(np.int64)).transpose(1, 2)
        audio = torch.cat([torch.full((rows, 1, self.config.num_codebooks), self.config.audio_bos_token_id), audio], dim=1)
        ids = torch.cat([torch.from_numpy(tokens.astype(np.int64))[..., None], audio[:, :steps]], dim=2)
        cache = DynamicCache(config=self.config)
        logits = []
        with recorder.on_decoder(self.model):
            for step in range(steps):
                logits.append(self.model(input_ids=ids[:, step : step + 1], past_key_values=cache, use_cache=True).logits)
        logits = torch.cat(logits, dim=1)
        best = logits.double().topk(2, dim=-1).values
        gaps = (best[..., 0] - best[..., 1]) / logits.double().std(dim=-1)
        return Forced(logits.argmax(dim=-1).numpy().astype(np.int32), gaps.numpy(), logits)

    def texts(self, tokens: np.ndarray) -> list[str]:
        return self.processor.batch_decode(torch.from_numpy(tokens.astype(np.int64)), skip_special_tokens=True)


def main() -> None:
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("files", nargs="+", help="mono wav files at the model's rate; several make one padded batch")
    parser.add_argument("--audio-window-size", type=int)
    parser.add_argument("--max-new-tokens", type=int)
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16, float16")
    arguments = parser.parse_args()
    reference = Reference(arguments.checkpoint, arguments.dtype)
    inputs = reference.input_values([soundfile.read(file, dtype="float32")[0] for file in arguments.files])
    codes = reference.encode(inputs).codes
    tokens = reference.generate(inputs, arguments.audio_window_size, arguments.max_new_tokens)
    for file, row, row_codes, text in zip(arguments.files, tokens, codes, reference.texts(tokens)):
        print(json.dumps({"file": file, "tokens": row.tolist(), "text": text, "codes": row_codes.tolist()}))


if __name__ == "__main__":
    main()
