"""Stage 3: encoder transformer and downsampling on cached front-end features.

At every 12.5 Hz frame linear heads must tell which digit is due and which one was sounding. The
quantiser's two input projections are trained along: heads only see the projected latents, so
distances there follow the words. A third head gives what the teacher (teacher.py) hears in the undisturbed words: that
has come from far more speakers than there are here. Saves <work>/<name>_encoder.pt.
"""
import argparse
import glob
import os
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import fastcodec
import teacher
from batches import HEAD_DELAYS, LAGS
from make_features import load_frontend
from settings import CODEBOOK_DIM, SPEAKERS, codec_config

SETTLING = 10                                    # frames after a cut that lack their past
SIZES = [12] * len(HEAD_DELAYS) + [11] * len(LAGS)


class Heads(nn.Module):
    """Linear heads on the semantic projection, a small network on the acoustic one."""

    def __init__(self):
        super().__init__()
        self.semantic = nn.Linear(CODEBOOK_DIM, sum(SIZES))
        self.acoustic = nn.Sequential(nn.Linear(CODEBOOK_DIM, 128), nn.GELU(), nn.Linear(128, sum(SIZES)))
        self.teacher = nn.Linear(codec_config()["hidden_size"], teacher.SIZE)


def head_losses(logits, labels):
    """Mean cross entropy over heads; frames without a word weigh less."""
    total = 0.0
    for i, part in enumerate(logits.float().split(SIZES, dim=-1)):
        weight = torch.ones(SIZES[i])
        weight[0] = 0.4
        total = total + F.cross_entropy(part.reshape(-1, SIZES[i]), labels[..., i].reshape(-1), weight, label_smoothing=0.02)
    return total / len(SIZES)


def head_accuracy(logits, labels):
    """Share of the frames with a word (not a boundary) that each head gets right."""
    out = []
    for i, part in enumerate(logits.split(SIZES, dim=-1)):
        word = labels[..., i] >= (2 if SIZES[i] == 12 else 1)
        out.append(round((part.argmax(-1) == labels[..., i])[word].float().mean().item(), 3))
    return out


def feature_files(work, leave_out=None):
    """The cached sets that do not hold the voice `leave_out` ("all": any FSDD speaker)."""
    files = sorted(glob.glob(os.path.join(work, "features_*.npz")))
    absent = ["mixed", *(SPEAKERS if leave_out == "all" else [leave_out])] if leave_out else []
    return [f for f in files if not any(f"_{name}_" in os.path.basename(f) for name in absent)]


def load_features(work, leave_out=None, also=()):
    """Features f16 [n, 2*frames, hidden], labels i8 and the arrays `also` of the sets without `leave_out`."""
    parts = [np.load(f) for f in feature_files(work, leave_out)]
    return [torch.from_numpy(np.concatenate([p[name] for p in parts])) for name in ("features", "labels", *also)]


def drawing_weights(work, leave_out, human):
    """[n]: how often each string of load_features() is drawn, so that FSDD's speakers have the share `human`."""
    parts = [(len(np.load(f)["labels"]), any(f"_{name}_" in os.path.basename(f) for name in SPEAKERS))
             for f in feature_files(work, leave_out)]
    total = {kind: sum(n for n, known in parts if known == kind) for kind in (True, False)}
    share = {True: human if total[False] else 1.0, False: 1 - human if total[True] else 1.0}
    return torch.cat([torch.full((n,), share[known] / total[known]) for n, known in parts])


def projections(codec):
    q = codec.quantizer
    return q.semantic_residual_vector_quantizer.input_proj, q.acoustic_residual_vector_quantizer.input_proj


def forward(codec, heads, x, mask):
    """Features [batch, 2*frames, hidden] -> both heads' logits, both projected latents, the teacher's numbers."""
    z = fastcodec.transform_and_downsample(codec, x, mask).float()
    sem, aco = (F.linear(z, p.weight[:, :, 0]) for p in projections(codec))
    return heads.semantic(sem), heads.acoustic(aco), sem, aco, heads.teacher(z)


def disturb(x, spread, g):
    """Cached features [batch, steps, hidden], made less certain: noise, constant shifts, short stretches lost."""
    batch, steps, hidden = x.shape
    x = x + 0.15 * torch.rand(batch, 1, 1, generator=g) * spread * torch.randn(x.shape, generator=g)
    x = x + 0.2 * torch.rand(batch, 1, 1, generator=g) * spread * torch.randn(batch, 1, hidden, generator=g)
    lost = torch.rand(batch, steps, 1, generator=g) < 0.015
    lost[:, 1:] |= lost[:, :-1].clone() & (torch.rand(batch, steps - 1, 1, generator=g) < 0.6)
    return torch.where(lost, x.mean(1, keepdim=True), x)


def train(a, codec, heads, params, data):
    """Saves the average of the last steps' parameters; reports every 200 steps."""
    g = torch.Generator().manual_seed(3)
    features, labels, taught, held, weights = data
    some = taught[held, teacher.REACH:].float()
    centre, scale = some.mean((0, 1)), some.std((0, 1))
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.98), weight_decay=0.02)
    window, total, spread = codec.config.sliding_window, labels.shape[1], features[:64].float().std((0, 1))
    masks = [fastcodec.window_mask(2 * a.crop, window, paired) for paired in (False, True)]
    average, shown, far = [p.detach().clone() for p in params], 0.0, 0.0
    for step in range(a.steps):
        rate = a.lr * min(1, (step + 1) / 100) * (1 - max(0, step / a.steps - 0.25) / 0.75 * 0.98)
        for group in opt.param_groups:
            group["lr"] = rate
        pick = torch.multinomial(weights, a.batch, True, generator=g)
        at = int(torch.randint(0, total - a.crop + 1, (1,), generator=g)) if step % 3 else 0
        x = disturb(features[pick, 2 * at:2 * (at + a.crop)].float(), spread, g)
        want = labels[pick, at:at + a.crop].long()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            one, two, sem, aco, heard = forward(codec, heads, x, masks[step % 2])
        skip = SETTLING if at else 0
        loss = head_losses(one[:, skip:], want[:, skip:]) + head_losses(two[:, skip:], want[:, skip:])
        small = 1e-4 * (sem.float().square().mean() + aco.float().square().mean())
        told = (taught[pick, at + SETTLING:at + a.crop].float() - centre) / scale
        from_teacher = F.mse_loss(heard[:, SETTLING:].float(), told)
        opt.zero_grad(set_to_none=True)
        (loss + small + a.teacher * from_teacher).backward()
        norm = nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        shown, far = 0.98 * shown + 0.02 * loss.item(), 0.98 * far + 0.02 * from_teacher.item()
        torch._foreach_lerp_(average, [p.detach() for p in params], 1 - min(0.998, (step + 1) / (step + 51)))
        if (step + 1) % 200 == 0 or step + 1 == a.steps:
            with torch.no_grad():
                one, _, _, _, _ = forward(codec, heads, features[held].float(), fastcodec.window_mask(2 * total, window))
                value = head_losses(one, labels[held].long()).item()
            seen = 1 - 0.98 ** (step + 1)
            print(f"{time.process_time():6.0f} CPU s step {step + 1} loss {shown / seen:.3f} teacher {far / seen:.3f} held {value:.3f} "
                  f"right {head_accuracy(one, labels[held].long())} norm {norm:.2f}", flush=True)
    with torch.no_grad():
        for p, q in zip(params, average):
            p.copy_(q)
    torch.save({"codec": codec.state_dict(), "heads": heads.state_dict()}, os.path.join(a.work, f"{a.name}_encoder.pt"))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--name", default="all")
    ap.add_argument("--leave-out", help="FSDD speaker to leave out, or all of them")
    ap.add_argument("--init", help="continue from this codec file of fit_codebooks.py")
    ap.add_argument("--steps", type=int, default=3000)
    ap.add_argument("--batch", type=int, default=24)
    ap.add_argument("--crop", type=int, default=64, help="frames per training crop")
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--teacher", type=float, default=1.0, help="weight of the teacher's numbers beside the words")
    ap.add_argument("--human", type=float, default=0.4, help="share of strings by FSDD's speakers and what is made of them")
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    features, labels, taught = load_features(a.work, a.leave_out, ["teacher"])
    held = torch.randperm(len(features))[:24]
    weights = drawing_weights(a.work, a.leave_out, a.human)
    weights[held] = 0
    print("strings", len(features), flush=True)
    codec, heads = load_frontend(a.work), Heads()
    with torch.no_grad():
        for p in projections(codec):
            p.weight.mul_(0.3)
    if a.init:
        state = torch.load(a.init, weights_only=True)
        codec.load_state_dict(state["codec"])
        heads.load_state_dict(state["heads"])
    parts = nn.ModuleList([codec.encoder_transformer, codec.downsample, *projections(codec), heads])
    train(a, codec, heads, list(parts.parameters()), (features, labels, taught, held, weights))


if __name__ == "__main__":
    main()
