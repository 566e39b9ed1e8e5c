"""Random combinations of generate()'s options, such that transformers 5.18 itself gets through them."""

import random


def token_list(pick: random.Random, vocabulary: int, likely: list[int], most: int) -> list[int]:
    """Half of them tokens that do come up."""
    n = pick.randint(1, most)
    return [pick.choice(likely) if pick.random() < 0.5 else pick.randrange(vocabulary) for _ in range(n)]


def draw_rules(pick: random.Random, vocabulary: int, likely: list[int], foreign_start: bool) -> dict:
    """`likely`: tokens of a greedy run. `foreign_start`: the start token is none of the vocabulary, where 5.18's
    repetition penalty fails."""
    options: dict = {}

    def maybe(name: str, share: float, value) -> None:
        if pick.random() < share:
            options[name] = value()

    def some(most: int) -> list[int]:
        return token_list(pick, vocabulary, likely, most)

    if not foreign_start:
        maybe("repetition_penalty", 0.4, lambda: round(pick.uniform(0.6, 2.0), 3))
    maybe("no_repeat_ngram_size", 0.3, lambda: pick.randint(1, 3))
    maybe("bad_words_ids", 0.3, lambda: [some(3) for _ in range(pick.randint(1, 3))])
    maybe("sequence_bias", 0.3, lambda: [[some(3), round(pick.uniform(-20, 6), 2)] for _ in range(pick.randint(1, 3))])
    maybe("suppress_tokens", 0.3, lambda: some(6))
    maybe("begin_suppress_tokens", 0.3, lambda: some(6))
    maybe("eos_token_id", 0.5, lambda: pick.choice([pick.choice(likely), some(3)]))
    suppressed = set(options.get("suppress_tokens", []))
    allowed = [token for token in range(vocabulary) if token not in suppressed]
    maybe("forced_bos_token_id", 0.2, lambda: pick.choice(allowed))
    maybe("forced_eos_token_id", 0.2, lambda: pick.choice([pick.choice(allowed), pick.sample(allowed, 2)]))
    maybe("renormalize_logits", 0.3, lambda: True)
    maybe("remove_invalid_values", 0.2, lambda: True)
    if "eos_token_id" in options:
        maybe("pad_token_id", 0.6, lambda: pick.randrange(vocabulary))
        maybe("min_new_tokens", 0.4, lambda: pick.randint(1, 6))
        maybe("min_length", 0.3, lambda: pick.randint(1, 6))
        # The penalty makes NaN of an end that another rule has made impossible, and 5.18 takes that for the best score.
        if not set(options) & {"min_new_tokens", "min_length", "no_repeat_ngram_size", "bad_words_ids", "sequence_bias",
                               "forced_bos_token_id", "forced_eos_token_id"}:
            maybe("exponential_decay_length_penalty", 0.5, lambda: [pick.randint(1, 4), round(pick.uniform(1.01, 2), 3)])
    return options


def draw_sampling(pick: random.Random) -> dict:
    options: dict = {"do_sample": True}
    draws = {
        "temperature": lambda: round(pick.uniform(0.3, 2.5), 3),
        "top_k": lambda: pick.choice([0, 1, 2, 7, 30, 5000]),
        "top_p": lambda: round(pick.uniform(0.1, 1.0), 3),
        "min_p": lambda: round(pick.uniform(0.0, 0.4), 3),
        "typical_p": lambda: round(pick.uniform(0.1, 0.99), 3),
        "top_h": lambda: round(pick.uniform(0.2, 0.99), 3),
        "epsilon_cutoff": lambda: round(pick.uniform(0.0001, 0.02), 5),
        "eta_cutoff": lambda: round(pick.uniform(0.0001, 0.05), 5),
        "num_return_sequences": lambda: pick.choice([2, 3]),
    }
    for name, draw in draws.items():
        if pick.random() < 0.4:
            options[name] = draw()
    return options


def draw_options(pick: random.Random, vocabulary: int, likely: list[int], foreign_start: bool) -> dict:
    options = {"max_new_tokens": pick.randint(4, 10)}
    options.update(draw_rules(pick, vocabulary, likely, foreign_start))
    if pick.random() < 0.5:
        options.update(draw_sampling(pick))
        # Of two forced tokens, whose scores are the same, a warper may drop one: whichever torch's sort puts first.
        if isinstance(options.get("forced_eos_token_id"), list):
            options["forced_eos_token_id"] = options["forced_eos_token_id"][0]
    for name in ("output_hidden_states", "output_attentions"):
        if pick.random() < 0.25:
            options[name] = True
    return options
