"""Which words are wrong: substitutions, losses and insertions of a model on the test strings."""
import argparse
import collections
import difflib
import os

import numpy as np
import torch

from evaluate import Recogniser
from settings import SPEAKERS
from strings import by_digit, make_string


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("model")
    ap.add_argument("--work", required=True)
    ap.add_argument("--strings", type=int, default=25)
    ap.add_argument("--kind", default="test", help="test or heldout")
    a = ap.parse_args()
    torch.set_num_threads(1)
    data = dict(np.load(os.path.join(a.work, "clips.npz")))
    names = SPEAKERS if a.kind == "test" else sorted(set(data["speaker"][data["kind"] == a.kind]))
    recognise, strings, owners = Recogniser(a.model), [], []
    for k, who in enumerate(names):
        rng = np.random.default_rng(300 + k)
        strings += [make_string(rng, data, by_digit(data, a.kind, who)) for _ in range(a.strings)]
        owners += [who] * a.strings
    count = collections.Counter()
    for who, (_, want, _), (got, _) in zip(owners, strings, recognise(strings and [s[0] for s in strings])):
        for op, i, j, k, m in difflib.SequenceMatcher(None, want, got, autojunk=False).get_opcodes():
            if op != "equal":
                count[(who, " ".join(want[i:j]) or "-", " ".join(got[k:m]) or "-")] += 1
    for (who, want, got), n in count.most_common():
        print(n, who, want, "->", got)


if __name__ == "__main__":
    main()
