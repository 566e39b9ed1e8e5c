"""Background generation of training batches in worker processes."""
import multiprocessing as mp
import os

import numpy as np

from compose import Bank, compose
from settings import DELAY_FRAMES, FRAME

HEAD_DELAYS = (5, 6, DELAY_FRAMES)               # onset-to-boundary delays the encoder heads learn


def schedule(events, frames, delay):
    """Token classes per frame: 0 nothing, 1 boundary, 2+d digit d.

    The boundary stands at frame floor(12.5 * onset) + delay (decoder step one later), the word
    one frame after it; a crowded word waits until the one before it is out.
    """
    out, free = np.zeros(frames, np.int64), 0
    for onset, _, digit in sorted(events):
        at = max(onset // FRAME + delay, free)
        if at < frames:
            out[at] = 1
        if at + 1 < frames:
            out[at + 1] = 2 + digit
        free = at + 2
    return out


def sounding(events, frames, lag):
    """0 or 1+d: the digit heard in the frame `lag` frames ago."""
    out = np.zeros(frames, np.int64)
    for onset, offset, digit in events:
        a, b = round(onset / FRAME) + lag, round(offset / FRAME) + lag
        out[min(a, frames):min(max(b, a + 1), frames)] = 1 + digit
    return out


def encoder_batch(rng, bank, size, frames):
    """wave f32 [size, frames*1920] and labels int64 [size, frames, 3 schedules + 2 sounding]."""
    waves, labels = [], []
    for _ in range(size):
        wave, events = compose(rng, bank, frames * FRAME, dense=True)
        waves.append(wave)
        rows = [schedule(events, frames, d) for d in HEAD_DELAYS]
        labels.append(np.stack(rows + [sounding(events, frames, lag) for lag in (1, 4)], 1))
    return np.stack(waves), np.stack(labels)


def _work(queue, seed, make, path, exclude, arguments):
    os.nice(1)
    rng, bank = np.random.default_rng(seed), Bank(path, exclude)
    while True:
        queue.put(make(rng, bank, *arguments))


def stream(make, path, exclude, arguments, workers=1, seed=0):
    """Endless batches of make(rng, bank, *arguments) from daemon worker processes."""
    queue = mp.Queue(maxsize=8)
    for w in range(workers):
        mp.Process(target=_work, args=(queue, (seed, w), make, path, exclude, arguments), daemon=True).start()
    while True:
        yield queue.get()
