// Token rows of transformers' own test of stt-2.6b-en and their texts (test_modeling_kyutai_speech_to_text.py), with
// the pieces of its vocabulary that follow from them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

struct published_row {
    const char * text;
    const char * runs;  // ids, "50x3": 50 times id 3; the BOS column (48000) left out
};

inline const std::vector<published_row> & published_rows() {
    static const std::vector<published_row> rows = {
        { "Mr. Quilter is the apostle of the middle classes, and we are glad to welcome his gospel.",
          "50x3 0 1519 263 2x3 0 3635 428 641 0 277 3 0 265 0 267 1162 261 274 410 0 272 3 0 265 0 260 1621 "
          "0 1174 371 262 3x3 0 269 0 281 0 304 0 2433 3 0 266 3 0 281 1661 3 0 376 2x3 0 350 261 401 516 263 18x3" },
        { "Nor is Mr. Quilter's manner less interesting than his matter.",
          "51x3 0 500 334 0 277 3 0 1519 263 2x3 0 3635 428 641 264 261 0 511 1109 3 0 1138 3x3 0 508 827 "
          "4x3 0 468 2x3 0 376 3x3 0 260 978 263 60x3" },
        { "He tells us that at this festive season of the year, with Christmas and roast beef looming before us, "
          "similes "
          "drawn from eating and its results occur most readily to the mind.",
          "50x3 0 414 0 527 261 3 0 409 3x3 0 271 3 0 309 3 0 285 3 0 521 371 609 2x3 0 260 959 3x3 0 272 "
          "3 0 265 0 546 262 6x3 0 291 3 0 975 2203 4x3 0 269 3 0 260 489 651 274 279 1870 3 0 1084 873 273 3 0 "
          "260 531 2x3 0 409 262 11x3 0 1502 1005 836 2x3 0 1666 306 3 0 340 3 0 260 3232 3 0 269 2x3 0 275 261 "
          "0 260 1379 261 0 3324 4x3 0 549 2x3 0 693 405 323 3 0 266 2x3 0 265 0 699 263 19x3" },
        { "He has grave doubts whether Sir Frederick Leighton's work is really Greek after all, and can discover in it "
          "but "
          "little of rocky Ithaca.",
          "50x3 0 414 0 392 2x3 0 1269 314 0 2607 261 3x3 0 1098 295 3x3 0 446 625 3 0 496 280 1205 485 "
          "1071 1627 449 264 261 3 0 400 0 277 3x3 0 260 342 3 0 618 280 1866 2x3 0 554 4x3 0 317 262 8x3 0 269 "
          "0 303 3 0 573 2615 2x3 0 276 3 0 275 0 305 3 0 260 415 2x3 0 272 4x3 0 1631 327 2x3 0 333 739 841 "
          "263 30x3" },
    };
    return rows;
}

inline std::vector<int32_t> published_tokens(const published_row & row) {
    std::vector<int32_t> tokens;
    std::istringstream   runs(row.runs);
    for (std::string run; runs >> run;) {
        const size_t times = run.find('x');
        const size_t n     = times == std::string::npos ? 1 : std::stoul(run);
        tokens.insert(tokens.end(), n, std::stoi(times == std::string::npos ? run : run.substr(times + 1)));
    }
    return tokens;
}

inline std::vector<std::string> split_words(const std::string & text) {
    std::istringstream       words(text);
    std::vector<std::string> all;
    for (std::string word; words >> word;) {
        all.push_back(word);
    }
    return all;
}

// tokenizer.json with these pieces at their ids; the rest of the 4000 are empty. A leading "_" stands for U+2581.
inline nlohmann::json published_tokenizer() {
    static const std::vector<std::pair<int32_t, const char *>> pieces = {
        { 0, "<unk>" },     { 1, "<s>" },       { 2, "</s>" },      { 3, "<pad>" },     { 260, "_" },
        { 261, "s" },       { 262, "," },       { 263, "." },       { 264, "'" },       { 265, "_the" },
        { 266, "_to" },     { 267, "_a" },      { 269, "_and" },    { 271, "_that" },   { 272, "_of" },
        { 273, "ing" },     { 274, "t" },       { 275, "_it" },     { 276, "_in" },     { 277, "_is" },
        { 279, "_be" },     { 280, "re" },      { 281, "_we" },     { 285, "_this" },   { 291, "_with" },
        { 295, "ther" },    { 303, "_can" },    { 304, "_are" },    { 305, "_but" },    { 306, "n" },
        { 309, "_at" },     { 314, "ve" },      { 317, "_all" },    { 323, "ly" },      { 327, "y" },
        { 333, "_I" },      { 334, "or" },      { 340, "_from" },   { 342, "really" },  { 350, "_go" },
        { 371, "es" },      { 376, "_his" },    { 392, "_has" },    { 400, "_work" },   { 401, "p" },
        { 405, "i" },       { 409, "_us" },     { 410, "le" },      { 414, "_He" },     { 415, "little" },
        { 428, "il" },      { 446, "_S" },      { 449, "ton" },     { 468, "_than" },   { 485, "ick" },
        { 489, "ro" },      { 496, "_F" },      { 500, "_N" },      { 508, "_inter" },  { 511, "_man" },
        { 516, "el" },      { 521, "_f" },      { 527, "_tell" },   { 531, "before" },  { 546, "_year" },
        { 549, "_most" },   { 554, "_after" },  { 573, "_dis" },    { 609, "tive" },    { 618, "_G" },
        { 625, "ir" },      { 641, "ter" },     { 651, "as" },      { 693, "_read" },   { 699, "_mind" },
        { 739, "tha" },     { 827, "esting" },  { 836, "les" },     { 841, "ca" },      { 873, "om" },
        { 959, "season" },  { 975, "_Christ" }, { 978, "matter" },  { 1005, "mi" },     { 1071, "_Le" },
        { 1084, "_lo" },    { 1098, "_whe" },   { 1109, "ner" },    { 1138, "_less" },  { 1162, "po" },
        { 1174, "_class" }, { 1205, "der" },    { 1269, "_gra" },   { 1379, "result" }, { 1502, "_si" },
        { 1519, "_Mr" },    { 1621, "middle" }, { 1627, "igh" },    { 1631, "_rock" },  { 1661, "lcome" },
        { 1666, "_draw" },  { 1866, "ek" },     { 1870, "ef" },     { 2203, "mas" },    { 2433, "_glad" },
        { 2607, "_doubt" }, { 2615, "cover" },  { 3232, "eating" }, { 3324, "_occur" }, { 3635, "_Qu" },
    };
    nlohmann::json vocab = nlohmann::json::array();
    for (int32_t id = 0; id < 4000; ++id) {
        vocab.push_back({ "", 0.0 });
    }
    for (const auto & [id, piece] : pieces) {
        const std::string text            = piece[0] == '_' ? "\xE2\x96\x81" + std::string(piece + 1) : piece;
        vocab[static_cast<size_t>(id)][0] = text;
    }
    nlohmann::json added = nlohmann::json::array();
    for (int32_t id = 0; id < 4; ++id) {
        added.push_back({ { "id", id }, { "content", vocab[static_cast<size_t>(id)][0] }, { "special", true } });
    }
    return { { "added_tokens", added }, { "model", { { "type", "Unigram" }, { "unk_id", 0 }, { "vocab", vocab } } } };
}
