// What generate() does to the scores of the next token before one is chosen: the logits processors and warpers of
// transformers 5.18 that have a meaning for this model, in its order.
#pragma once

#include <cstdint>
#include <vector>

namespace kstt {

// Added to the score of the last id wherever the ids before it are the last ones generated; of one id: always.
struct sequence_bias {
    std::vector<int32_t> ids;
    float                bias = 0.0F;
};

struct score_rules {
    // Processors; the defaults do nothing.
    std::vector<sequence_bias>        biases;
    std::vector<std::vector<int32_t>> bad_words;
    std::vector<int32_t>              eos;
    std::vector<int32_t>              forced_eos;  // one of these is the last token, if the length is reached
    std::vector<int32_t>              suppress;
    std::vector<int32_t>              begin_suppress;            // not as the first new token
    double                            repetition_penalty = 1.0;  // > 0; above 1 tokens that were there lose
    double                            decay_factor       = 1.0;
    int64_t                           decay_start        = -1;  // new tokens from which on eos gets likelier; -1: never
    int64_t                           min_length         = 0;   // tokens, BOS included, before which no eos may come
    int64_t                           min_new_tokens     = 0;   // the same without BOS

    // Warpers, with sample only.
    double  temperature     = 1.0;
    double  top_h           = 0.0;  // 0: off, as in the next ones
    double  min_p           = 0.0;
    double  epsilon         = 0.0;
    double  eta             = 0.0;
    double  top_p           = 1.0;  // 1: off
    double  typical_p       = 1.0;  // 1: off
    int32_t top_k           = 0;    // 0: off
    // Processors again.
    int32_t no_repeat_ngram = 0;      // length of what may come once; 0: anything may repeat
    int32_t forced_bos      = -1;     // first new token; -1: any
    bool    remove_invalid  = false;  // NaN and infinities become numbers
    bool    sample          = false;
    bool    renormalize     = false;  // log softmax at the end, without sample, too

    // Whether choosing a token is more than the best logit.
    bool changes_scores() const;

    // Throws INVALID_ARGUMENT for an id outside the vocabulary or a number out of range.
    void check(int32_t n_tokens) const;
};

// The processors. tokens: [n_tokens], all so far, BOS first; max_tokens: the length of the whole output.
void process_scores(const score_rules & rules,
                    const int32_t *     tokens,
                    int64_t             n_tokens,
                    int64_t             max_tokens,
                    float *             scores,
                    int64_t             n_scores);

// The warpers, and the normalisation.
void warp_scores(const score_rules & rules, float * scores, int64_t n_scores);

}  // namespace kstt
