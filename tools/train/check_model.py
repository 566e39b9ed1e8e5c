"""Load the model folder with transformers, fail on any missing or unexpected key, transcribe silence."""
import argparse

import numpy as np
import torch
from transformers import (AutoTokenizer, KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor)

from settings import TEXT_CARD, WORD_BASE


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("model")
    a = ap.parse_args()
    model, info = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(
        a.model, dtype=torch.float32, output_loading_info=True)
    print({k: v for k, v in info.items()})
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    processor = KyutaiSpeechToTextProcessor.from_pretrained(a.model)
    tok = AutoTokenizer.from_pretrained(a.model)
    ids = [TEXT_CARD, 3, 0, WORD_BASE, 3, 0, WORD_BASE + 7, 3]
    print(repr(tok.decode(ids, skip_special_tokens=True)), tok.encode("zero seven", add_special_tokens=False),
          tok.encode("zero x", add_special_tokens=False))
    assert tok.decode(ids, skip_special_tokens=True) == "zero seven"
    assert not model.lm_head.weight[TEXT_CARD].any() and model.config.frame_size == 1920
    inputs = processor(audio=np.zeros(24000, np.float32), sampling_rate=24000)
    out = model.generate(**inputs)
    print("silence ->", out.shape, repr(processor.batch_decode(out, skip_special_tokens=True)))
    print("parameters", {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children()})


if __name__ == "__main__":
    main()
