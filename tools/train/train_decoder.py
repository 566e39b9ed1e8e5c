"""Stage 4: the decoder, teacher-forced on codes with a noisy text history.

Every sequence is longer than the attention window, so the full-ring regime is what it is
trained on. Saves <work>/<name>_decoder.pt.
"""
import argparse
import glob
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from export import build
from settings import CODEBOOK_SIZE, NUM_CODEBOOKS, PAD, TEXT_CARD, UNK, WORD_BASE, WORDS


def causal_window(steps, window):
    """Additive mask [1, 1, steps, steps]: 0 <= q-k < window."""
    d = torch.arange(steps)[:, None] - torch.arange(steps)[None, :]
    return torch.zeros(steps, steps).masked_fill((d < 0) | (d >= window), -1e9)[None, None]


def corrupt_text(text, g, rate):
    """Wrong history: words and boundaries lost or changed, words that were never said."""
    r = torch.rand(text.shape, generator=g)
    some = torch.randint(WORD_BASE, WORD_BASE + len(WORDS), text.shape, generator=g)
    said = text != PAD
    text = torch.where(said & (r < rate), torch.full_like(text, PAD), text)
    text = torch.where(said & (r > 1 - rate), some, text)
    text = torch.where(~said & (r < rate / 12), some, text)
    return torch.where(~said & (r > 1 - rate / 12), torch.full_like(text, UNK), text)


def neighbours(codec_state, count=8):
    """[books, entries, count]: the nearest other entries of every codebook entry."""
    codec = build().codec_model
    codec.load_state_dict(codec_state)
    q, out = codec.quantizer, []
    for quantizer in (q.semantic_residual_vector_quantizer, q.acoustic_residual_vector_quantizer):
        for layer in quantizer.layers:
            centres = layer.codebook.embed_sum
            out.append(torch.cdist(centres, centres).fill_diagonal_(1e9).topk(count, largest=False).indices)
    return torch.stack(out)


def make_inputs(codes, tokens, g, text_noise=0.0, code_noise=0.0, near=None):
    """codes [b, n, q], tokens [b, n+1] -> ids [b, n+1, 1+q]: start row, then frame s-1 and token s-1.

    `near` (from neighbours): up to a fifth of a string's codes fall next to the right entry, as with a new voice.
    """
    batch, frames, books = codes.shape
    if near is not None:
        pick = torch.randint(near.shape[2], codes.shape, generator=g)
        swap = torch.rand(codes.shape, generator=g) < 0.2 * torch.rand(batch, 1, 1, generator=g)
        codes = torch.where(swap, near[torch.arange(books), codes, pick], codes)
    if code_noise:
        other = codes[:, :, :].roll(1, 0)
        swap = torch.rand(codes.shape, generator=g) < code_noise
        codes = torch.where(swap, other, codes)
    text = tokens[:, :-1]
    if text_noise:
        text = corrupt_text(text, g, text_noise)
    first = torch.full((batch, 1, 1 + books), CODEBOOK_SIZE)
    first[:, :, 0] = TEXT_CARD
    return torch.cat([first, torch.cat([text[:, :, None], codes], 2)], 1)


@torch.no_grad()
def seed_audio_rows(model, codec_state):
    """Start the audio tables as one random projection of the codebooks per quantiser.

    The sum over the acoustic streams is then the projected rebuilt latent from the first step on.
    """
    model.codec_model.load_state_dict(codec_state)
    q, table = model.codec_model.quantizer, model.model.embed_tokens.embed_tokens.weight
    row = model.config.vocab_size
    for quantizer in (q.semantic_residual_vector_quantizer, q.acoustic_residual_vector_quantizer):
        centres = torch.stack([layer.codebook.embed_sum for layer in quantizer.layers])
        spread = centres[0].var(0).sum().sqrt()
        projection = torch.randn(centres.shape[2], table.shape[1]) / spread
        for book in centres:
            table[row:row + CODEBOOK_SIZE] = book @ projection
            row += CODEBOOK_SIZE + 1


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--name", default="all")
    ap.add_argument("--init", help="decoder file to continue from (codebooks fitted with --warm)")
    ap.add_argument("--steps", type=int, default=600)
    ap.add_argument("--batch", type=int, default=10)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--pad-weight", type=float, default=1.0, help="of a step that says nothing, in the loss")
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    g = torch.Generator().manual_seed(2)
    parts = [np.load(f) for f in sorted(glob.glob(os.path.join(a.work, f"{a.name}_codes.npz")))]
    codes = torch.from_numpy(np.concatenate([p["codes"] for p in parts]).astype(np.int64))[..., :NUM_CODEBOOKS]
    tokens = torch.from_numpy(np.concatenate([p["tokens"] for p in parts]).astype(np.int64))
    held = max(8, len(codes) // 40)
    drawn = torch.where((tokens >= WORD_BASE).any(1), 1.0, 3.0)  # strings without words teach it not to hear any
    drawn[:held] = 0
    print("sequences", len(codes), "frames", codes.shape[1], flush=True)
    model = build()
    with torch.no_grad():
        model.model.embed_tokens.embed_tokens.weight.mul_(15)
    codec_state = torch.load(os.path.join(a.work, f"{a.name}_codec.pt"), weights_only=True)["codec"]
    seed_audio_rows(model, codec_state)
    near = neighbours(codec_state)
    if a.init:
        model.load_state_dict(torch.load(a.init, weights_only=True), strict=False)
    model.model.config._attn_implementation = "sdpa"
    params = [p for n, p in model.named_parameters() if not n.startswith("codec_model.")]
    matrices = [p for p in params if p.dim() > 1]
    rest = [p for p in params if p.dim() <= 1]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}],
                            lr=a.lr, betas=(0.9, 0.98))
    mask = causal_window(codes.shape[1] + 1, model.config.sliding_window)
    weight = torch.ones(TEXT_CARD + 1)
    weight[PAD] = a.pad_weight

    def loss_of(ids, want):
        h = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        logits = model.lm_head(h).float()
        return F.cross_entropy(logits.flatten(0, 1), want.flatten(), weight), logits

    average, shown = [p.detach().clone() for p in params], 0.0
    for step in range(a.steps):
        rate = a.lr * min(1, (step + 1) / 60) * (1 - max(0, step / a.steps - 0.2) / 0.8 * 0.98)
        for group in opt.param_groups:
            group["lr"] = rate
        pick = torch.multinomial(drawn, a.batch, True, generator=g)
        ids = make_inputs(codes[pick], tokens[pick], g, 0.06, 0.02, near)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, _ = loss_of(ids, tokens[pick])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        model.lm_head.weight.grad[TEXT_CARD] = 0  # the start row stays zero in the head
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        with torch.no_grad():
            model.lm_head.weight[TEXT_CARD] = 0
            decay = min(0.995, (step + 1) / (step + 21))
            torch._foreach_lerp_(average, [p.detach() for p in params], 1 - decay)
        shown = 0.95 * shown + 0.05 * loss.item()
        if (step + 1) % 50 == 0:
            with torch.no_grad():
                pick = torch.arange(min(held, 24))
                value, logits = loss_of(make_inputs(codes[pick], tokens[pick], g), tokens[pick])
                want, guess = tokens[pick], logits.argmax(-1)
                words = want >= WORD_BASE
                print(f"{time.process_time():6.0f} CPU s step {step + 1} loss {shown / (1 - 0.95 ** (step + 1)):.4f} held {value.item():.4f} "
                      f"words {(guess[words] == want[words]).float().mean():.3f} "
                      f"boundaries {(guess[want == UNK] == UNK).float().mean():.3f}", flush=True)
    with torch.no_grad():
        for p, q in zip(params, average):
            p.copy_(q)
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("codec_model.")}
    torch.save(state, os.path.join(a.work, f"{a.name}_decoder.pt"))


if __name__ == "__main__":
    main()
