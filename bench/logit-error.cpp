// How far the decoder's logits move when its weights are stored in another type: two files of one model, fed the same
// ids. The first says which text ids come next, so that both see the same past.
//   kstt_logit_error KERNEL_DIR REFERENCE OTHER [STEPS] [SEED]
// Prints one JSON object: rms_error (of the differences, over the spread of the reference's logits), worst_step (the
// same of the worst step), same_choice (share of steps with the same best token).
#include "io/model-source.h"
#include "model/stt-model.h"
#include "model/text-decoder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>
#include <vector>

using namespace kstt;

namespace {

struct subject {
    subject(const std::string & path, compute_backend & backend)
        : model(stt_model::load(open_model(path, source_options()), backend)),
          decoder(model->decoder, decoder_options(), backend) {}

    std::unique_ptr<stt_model> model;
    text_decoder               decoder;
};

struct moments {
    double error  = 0.0;  // mean square of the differences
    double spread = 0.0;  // variance of the reference
};

moments compare(const float * reference, const float * other, size_t n) {
    double  mean = 0.0;
    moments sums;
    for (size_t i = 0; i < n; ++i) {
        mean += static_cast<double>(reference[i]) / static_cast<double>(n);
    }
    for (size_t i = 0; i < n; ++i) {
        const double difference = static_cast<double>(other[i]) - static_cast<double>(reference[i]);
        const double deviation  = static_cast<double>(reference[i]) - mean;
        sums.error += difference * difference / static_cast<double>(n);
        sums.spread += deviation * deviation / static_cast<double>(n);
    }
    return sums;
}

int32_t best(const float * logits, size_t n) {
    return static_cast<int32_t>(std::max_element(logits, logits + n) - logits);
}

void run(const std::string & first, const std::string & second, int n_steps, unsigned seed) {
    compute_backend        backend(n_hardware_threads());
    subject                reference(first, backend);
    subject                other(second, backend);
    const decoder_config & config = reference.model->config.decoder;
    const auto             n      = static_cast<size_t>(config.output_vocab_size);
    std::mt19937           random(seed);
    const auto             code = [&] { return static_cast<int32_t>(random() % (config.codebook_vocab_size - 1U)); };

    decoder_call call;
    call.slots    = { 0 };
    int32_t token = config.vocab_size - 1;  // the start token
    moments total;
    double  worst  = 0.0;
    int     n_same = 0;
    for (int step = 0; step < n_steps; ++step) {
        call.ids = { token };
        for (int32_t k = 0; k < config.num_codebooks; ++k) {
            call.ids.push_back(step == 0 ? config.audio_bos_token_id : code());
        }
        const float *            logits = reference.decoder.step(call);
        const std::vector<float> expected(logits, logits + n);
        const float *            found = other.decoder.step(call);
        const moments            here  = compare(expected.data(), found, n);
        total.error += here.error;
        total.spread += here.spread;
        worst = std::max(worst, std::sqrt(here.error / here.spread));
        token = best(expected.data(), n);
        n_same += token == best(found, n) ? 1 : 0;
    }
    std::printf("{\"steps\": %d, \"rms_error\": %.3g, \"worst_step\": %.3g, \"same_choice\": %.4f}\n",
                n_steps,
                std::sqrt(total.error / total.spread),
                worst,
                static_cast<double>(n_same) / n_steps);
}

}  // namespace

int main(int argc, char ** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "Usage: %s KERNEL_DIR REFERENCE OTHER [STEPS] [SEED]\n", argv[0]);
        return 2;
    }
    try {
        load_cpu_device(argv[1]);
        run(argv[2],
            argv[3],
            argc > 4 ? std::atoi(argv[4]) : 64,
            argc > 5 ? static_cast<unsigned>(std::atoi(argv[5])) : 1);
    } catch (const std::exception & e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    return 0;
}
