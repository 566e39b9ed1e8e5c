"""Stage 4: residual k-means codebooks on the encoder's projected latents, then codes of every string.

Semantic space: the projection is first turned into the metric of the linear heads, so that a
distance is a difference of word scores. Acoustic space: as trained. Saves <work>/<name>_codec.pt
and <work>/<name>_codes.npz (codes uint8 [n, frames, books], tokens int16 [n, frames + 1]: the
token due at every step; step 0 has no audio yet).
"""
import argparse
import os

import numpy as np
import torch
import torch.nn.functional as F

import fastcodec
from batches import HEAD_DELAYS
from make_features import load_frontend
from settings import CODEBOOK_SIZE, PAD, UNK, WORD_BASE, WORDS
from train_encoder import Heads, head_accuracy, load_features

TOKEN = np.array([PAD, UNK] + [WORD_BASE + d for d in range(len(WORDS))], np.int16)


def kmeans(x, size, rounds=20, seed=0, centres=None):
    """x [n, d] -> centres [size, d], from `centres` if given; empty or nearly empty cells restart at badly served points."""
    g = torch.Generator().manual_seed(seed)
    if centres is None:
        centres = x[torch.randperm(len(x), generator=g)[:size]].clone()
    least = max(4, len(x) // size // 20)
    for r in range(rounds):
        distance, cell = torch.cdist(x, centres).min(1)
        count = torch.bincount(cell, minlength=size)
        centres = torch.zeros_like(centres).index_add_(0, cell, x) / count.clamp(min=1)[:, None]
        weak = torch.nonzero(count < (least if r < rounds - 3 else 1))[:, 0]
        if len(weak):
            centres[weak] = x[torch.multinomial(distance.square(), len(weak), generator=g)]
    return centres


def fit(quantizer, x, label, warm):
    """Residual codebooks of one quantiser on projected latents [n, d]; `warm` starts from the present ones."""
    residual = x.clone()
    for i, layer in enumerate(quantizer.layers):
        centres = kmeans(residual, CODEBOOK_SIZE, seed=i, rounds=8 if warm else 20,
                         centres=layer.codebook.embed_sum.clone() if warm else None)
        layer.codebook.embed_sum.copy_(centres)
        layer.codebook._embed = None
        cell = torch.cdist(residual, centres).argmin(1)
        residual = residual - centres[cell]
        gap = torch.cdist(centres, centres).fill_diagonal_(1e9).min().item()
        print(f"{label}{i}: residual power {residual.square().sum(1).mean() / x.var(0).sum():.4f} "
              f"used {len(torch.unique(cell))} closest pair {gap:.3f}", flush=True)


@torch.no_grad()
def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--name", default="all")
    ap.add_argument("--leave-out")
    ap.add_argument("--points", type=int, default=40000, help="latents for k-means")
    ap.add_argument("--strings", type=int, default=3500, help="strings that get codes, for the decoder")
    ap.add_argument("--bf16", action="store_true", help="faster, slightly noisy latents")
    ap.add_argument("--warm", action="store_true", help="the encoder was continued from a codec file")
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    codec, heads = load_frontend(a.work).eval(), Heads()
    state = torch.load(os.path.join(a.work, f"{a.name}_encoder.pt"), weights_only=True)
    codec.load_state_dict(state["codec"])
    heads.load_state_dict(state["heads"])
    sem, aco = codec.quantizer.semantic_residual_vector_quantizer, codec.quantizer.acoustic_residual_vector_quantizer
    if not a.warm:
        _, s, v = torch.linalg.svd(heads.semantic.weight, full_matrices=False)
        to_metric = s[:, None] * v               # [32, 32]
        sem.input_proj.weight.copy_((to_metric @ sem.input_proj.weight[:, :, 0])[:, :, None])
        heads.semantic.weight.copy_(heads.semantic.weight @ torch.linalg.inv(to_metric))
    features, labels = load_features(a.work, a.leave_out)
    some = torch.randperm(len(features), generator=torch.Generator().manual_seed(1))[:a.strings]
    features, labels = features[some], labels[some]
    steps = 2 * labels.shape[1]
    masks = [fastcodec.window_mask(steps, codec.config.sliding_window, paired) for paired in (False, True)]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.bf16):
        z = torch.cat([fastcodec.transform_and_downsample(codec, features[i:i + 32].float(), masks[i // 32 % 2]).float()
                       for i in range(0, len(features), 32)])
    del features
    g = torch.Generator().manual_seed(0)
    keep = torch.rand(labels.shape[:2], generator=g) < torch.where((labels > 0).any(2), 1.0, 0.4)
    few = torch.randperm(len(z), generator=g)[:60]
    keep[few] = False                            # these strings only measure
    points = z[keep]
    points = points[torch.randperm(len(points), generator=g)[:a.points]]
    for quantizer, head, label in ((sem, heads.semantic, "semantic "), (aco, heads.acoustic, "acoustic ")):
        weight = quantizer.input_proj.weight[:, :, 0]
        fit(quantizer, F.linear(points, weight), label, a.warm)
        y = F.linear(z[few], weight)
        codes = quantizer.encode(z[few].transpose(1, 2))
        rebuilt = sum(layer.codebook.embed[c] for layer, c in zip(quantizer.layers, codes))
        print(f"{label}right: latents {head_accuracy(head(y), labels[few].long())} "
              f"codes {head_accuracy(head(rebuilt), labels[few].long())}", flush=True)
    codes = torch.cat([codec.quantizer.encode(z[i:i + 32].transpose(1, 2)) for i in range(0, len(z), 32)], dim=1)
    text = TOKEN[labels[:, :, len(HEAD_DELAYS) - 1].numpy()]
    text = np.concatenate([np.full((len(text), 1), PAD, np.int16), text], 1)
    order = np.random.default_rng(0).permutation(len(text))
    np.savez(os.path.join(a.work, f"{a.name}_codes.npz"), tokens=text[order],
             codes=codes.permute(1, 2, 0).to(torch.uint8).numpy()[order])
    torch.save({"codec": codec.state_dict(), "heads": heads.state_dict()}, os.path.join(a.work, f"{a.name}_codec.pt"))


if __name__ == "__main__":
    main()
