"""How different speakers say the ten digits, as phonemes of the neural voices: native variants and foreign accents.

A profile is drawn once per made-up speaker, so that one speaker's digits agree with each other.
"""
# In the model's own alphabet: A = ei, I = ai, O = ou (American), Q = ou (British).
NATIVE = {"r": "ɹ", "th": "θ", "w": "w", "i": "ɪ", "ee": "i", "oh": "O", "ay": "A", "eye": "I", "u": "u", "uh": "ʌ",
          "aw": "ɔ", "e": "ɛ", "schwa": "ə", "v": "v", "z": "z", "t": "t", "final r": "ɹ"}
CHOICES = {                                      # sounds a foreign accent may use instead, the usual one first
    "r": ["ɹ", "ɾ", "r", "ʁ", "ɾ"],
    "th": ["θ", "θ", "t", "s", "f"],
    "w": ["w", "w", "v", "ʋ", "u"],
    "i": ["ɪ", "i", "i"],
    "ee": ["i", "iː", "ɪ"],
    "oh": ["O", "o", "oː", "ɔ", "Q"],
    "ay": ["A", "e", "eː", "ɛi", "ej"],
    "eye": ["I", "aj", "aɪ", "ɑj"],
    "u": ["u", "uː", "ʊ"],
    "uh": ["ʌ", "a", "ɐ", "ɑ", "ɔ", "ɒ"],
    "aw": ["ɔ", "o", "oː", "O", "ɒ"],
    "e": ["ɛ", "e", "æ"],
    "schwa": ["ə", "ɛ", "e", "ɪ", "", "a"],
    "v": ["v", "v", "f", "ʋ", "b"],
    "z": ["z", "z", "s", "ʣ"],
    "t": ["t", "tʰ", "t"],
    "final r": ["ɹ", "ɾ", "r", "", "ʁ"],
}
PLACES = {                                       # what speakers of one language tend to say together
    "french": {"r": "ʁ", "th": "szt", "i": "i", "oh": "o", "ay": ["ɛ", "e", "ej"], "eye": ["aj"], "uh": "ɔœa", "aw": "ɔ",
               "schwa": "ɛœə", "final r": ["ʁ", "ʁ", ""]},
    "german": {"r": "ʁɐ", "th": "sf", "w": "v", "oh": "oO", "ay": ["e", "A"], "uh": "a", "aw": "ɔo", "v": "f", "z": "zʦs",
               "t": ["tʰ"], "final r": ["ɐ", "", "ʁ"]},
    "greek": {"r": "ɾ", "i": "i", "oh": "o", "ay": ["ej"], "eye": ["aj"], "uh": "a", "aw": "o", "e": "e", "schwa": "e",
              "final r": "ɾ"},
    "spanish": {"r": "rɾ", "th": "θt", "w": ["w", "ɡw"], "i": "i", "oh": "o", "ay": ["ej"], "eye": ["aj"], "uh": "ao", "aw": "o",
                "e": "e", "schwa": "e", "v": "bβ", "z": "s", "final r": "ɾr"},
    "italian": {"r": "r", "th": "t", "i": "i", "oh": "o", "ay": ["ej"], "eye": ["aj"], "uh": "a", "aw": "ɔ", "schwa": "e",
                "z": "ʣz", "final r": "r"},
    "slavic": {"r": "r", "th": "stf", "w": "v", "i": "i", "oh": ["o", "ou"], "ay": ["ej"], "eye": ["aj"], "uh": "a", "aw": "oɔ",
               "schwa": "eə", "final r": "r"},
    "dutch": {"r": "ɾʁ", "th": "st", "w": "ʋ", "oh": "oO", "uh": "ɐʌ", "v": "fv", "z": "sz", "final r": "ɾɹ"},
    "indian": {"r": "ɾ", "th": "tʈ", "w": "ʋ", "oh": ["oː"], "ay": ["eː"], "aw": "oɔ", "v": "ʋv", "t": "ʈ", "final r": ["ɾ", ""]},
    "chinese": {"th": "s", "v": "wv", "z": "zʦ", "i": "i", "oh": "oO", "schwa": "əe", "final r": ["ɚ", ""]},
}


def profile(rng, foreign):
    """Sounds of one speaker; `foreign` is the chance that a sound differs from the usual one.

    Half of the foreign speakers have the accent of one language, the others one of their own.
    """
    out, place = dict(NATIVE), PLACES[str(rng.choice(list(PLACES)))]
    choices = place if foreign and rng.random() < 0.5 else CHOICES
    chance = foreign if choices is CHOICES else rng.choice([0.5, 0.8, 1.0])
    for sound, options in choices.items():
        if rng.random() < chance:
            out[sound] = str(rng.choice(list(options)))
    if rng.random() < 0.4:                       # British
        out.update({"final r": ""} if rng.random() < 0.7 else {}, oh=out["oh"] if foreign else "Q")
    return out


def digits(rng, p):
    """Ten phoneme strings for profile `p`; some words have several usual forms."""
    long = str(rng.choice(["", "ː"]))
    half = str(rng.choice(["", "ə"])) if p["final r"] == "" else ""
    zero_vowel = p["i"] if rng.random() < 0.7 else p["ee"]
    return [
        p["z"] + "ˈ" + zero_vowel + p["r"] + p["oh"],
        p["w"] + "ˈ" + p["uh"] + "n",
        p["t"] + "ˈ" + p["u"].rstrip("ː") + long,
        p["th"] + p["r"] + "ˈ" + p["ee"].rstrip("ː") + long,
        "fˈ" + p["aw"].rstrip("ː") + ("ː" if p["final r"] == "" and not half else "") + half + p["final r"],
        "fˈ" + p["eye"] + p["v"],
        "sˈ" + p["i"] + "ks",
        "sˈ" + p["e"] + ("v" if p["v"] == "f" else p["v"]) + p["schwa"] + "n",
        "ˈ" + p["ay"] + ("t" if rng.random() < 0.8 else "ʔ" if p["t"] == "t" else "t"),
        "nˈ" + p["eye"] + "n",
    ]
