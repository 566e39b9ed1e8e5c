"""Frame labels of a string and background generation of batches in worker processes."""
import multiprocessing as mp
import os

import numpy as np

from compose import Bank
from settings import DELAY_FRAMES, FRAME

HEAD_DELAYS = (5, 6, DELAY_FRAMES)               # onset-to-boundary delays the encoder heads learn
LAGS = (1, 4)                                    # "which digit was sounding n frames ago"


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


def label_rows(events, frames):
    """[frames, schedules + lags]: the classes every head has to give."""
    rows = [schedule(events, frames, d) for d in HEAD_DELAYS]
    return np.stack(rows + [sounding(events, frames, lag) for lag in LAGS], 1)


def _work(queue, seed, make, path, only, arguments):
    os.nice(1)
    rng, bank = np.random.default_rng(seed), Bank(path, only, seed=11 + seed[0])
    while True:
        queue.put(make(rng, bank, *arguments))


def stream(make, path, only, arguments, workers=1, seed=0):
    """Endless make(rng, bank, *arguments) results from worker processes; close() ends them."""
    queue, pool = mp.Queue(maxsize=8), []
    for w in range(workers):
        pool.append(mp.Process(target=_work, args=(queue, (seed, w), make, path, only, arguments), daemon=True))
        pool[-1].start()
    try:
        while True:
            yield queue.get()
    finally:
        for process in pool:
            process.terminate()
