// Compares the graphs with transformers on every fixture of test/fixtures/parity: intermediate tensors by node name
// (the first differing one is named), codes, and answers to forced tokens.
//
//     parity-test [-v] [FIXTURE...]     -v prints the relative error of every node
#include "check.h"
#include "model/mimi-encoder.h"
#include "model/stt-model.h"
#include "model/text-decoder.h"
#include "parity-compare.h"
#include "runtime/device.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace {

namespace fs = std::filesystem;

// Frames per codec call: more than one, and not a divisor of the windows.
constexpr int32_t frames_per_call = 8;

struct tolerances {
    double intermediate;
    double forced_agreement;
};

tolerances read_tolerances(const std::string & dtype) {
    const kstt::json_value all =
        kstt::json_value::read(std::string(KSTT_SOURCE_DIR) + "/test/parity/tolerances.json", 1 << 16);
    return { all.at(dtype).at("intermediate").number(), all.at(dtype).at("forced_agreement").number() };
}

void check_codec(const parity_fixture &  fixture,
                 const kstt::stt_model & model,
                 kstt::compute_backend & backend,
                 double                  tolerance,
                 bool                    verbose) {
    kstt::mimi_options options;
    options.max_frames_per_call = frames_per_call;
    options.uniform_window      = true;
    options.precision           = kstt::rope_precision::reference;
    options.capture             = true;
    kstt::mimi_encoder encoder(model.mimi, options, backend);
    node_comparison    comparison(fixture, "codec.");

    const std::vector<float> input      = fixture.long_input(model.config);
    const int64_t            frame_size = model.config.codec.frame_size();
    const int64_t            n_frames   = static_cast<int64_t>(input.size()) / frame_size;
    const expected_ids &     expected   = fixture.ids("long.codes");
    const int64_t            n_codes    = expected.shape.at(1);
    int64_t                  n_wrong    = 0;
    std::string              first_wrong;
    std::vector<int32_t>     codes;
    for (int64_t first = 0; first < n_frames; first += frames_per_call) {
        const int64_t   n_now = std::min<int64_t>(frames_per_call, n_frames - first);
        kstt::mimi_call call;
        call.slots     = { 0 };
        call.pcm       = { input.data() + first * frame_size };
        call.n_samples = n_now * frame_size;
        encoder.encode(call, codes);
        comparison.add(encoder.captured(), first, n_now);
        for (int64_t frame = 0; frame < n_now; frame++) {
            for (int64_t q = 0; q < n_codes; q++) {
                const int32_t found = codes[static_cast<size_t>(frame * n_codes + q)];
                const int32_t want  = expected.values[static_cast<size_t>(q * expected.shape.at(2) + first + frame)];
                if (found != want && n_wrong++ == 0) {
                    const int64_t at = first + frame;
                    first_wrong      = kstt::format("frame %lld codebook %lld: expected %d, found %d",
                                               static_cast<long long>(at),
                                               static_cast<long long>(q),
                                               want,
                                               found);
                }
            }
        }
    }
    const std::string message = comparison.report(tolerance, verbose);
    check_result(comparison.n_nodes() > 0, __FILE__, __LINE__, fixture.name + " expects no codec nodes");
    check_result(message.empty(), __FILE__, __LINE__, message);
    check_result(n_wrong == 0,
                 __FILE__,
                 __LINE__,
                 fixture.name + ": " + std::to_string(n_wrong) + " codes differ, first " + first_wrong);
}

void check_decoder(const parity_fixture &  fixture,
                   const kstt::stt_model & model,
                   kstt::compute_backend & backend,
                   const tolerances &      allowed,
                   bool                    verbose) {
    kstt::decoder_options options;
    options.precision = kstt::rope_precision::reference;
    options.capture   = true;
    kstt::text_decoder decoder(model.decoder, options, backend);
    node_comparison    comparison(fixture, "decoder.");

    const kstt::decoder_config & config   = model.config.decoder;
    const expected_ids &         tokens   = fixture.ids("long.tokens");
    const expected_ids &         codes    = fixture.ids("long.codes");
    const int64_t                n_steps  = tokens.shape.at(1) - 1;
    const int64_t                n_frames = codes.shape.at(2);
    // 16-bit checkpoints list their own answers; in f32 they are the generated tokens.
    const bool                   is_f32   = fixture.dtype == "f32";
    const int32_t *              answers = is_f32 ? tokens.values.data() + 1 : fixture.ids("long.argmax").values.data();
    int64_t                      n_equal = 0;
    int64_t                      first_wrong = -1;
    for (int64_t step = 0; step < n_steps; step++) {
        kstt::decoder_call call;
        call.slots = { 0 };
        call.ids.push_back(tokens.values[static_cast<size_t>(step)]);
        for (int64_t k = 0; k < config.num_codebooks; k++) {
            call.ids.push_back(step == 0 ? config.audio_bos_token_id
                                         : codes.values[static_cast<size_t>(k * n_frames + step - 1)]);
        }
        const float * logits = decoder.step(call);
        comparison.add(decoder.captured(), step, 1);
        const auto best = static_cast<int32_t>(std::max_element(logits, logits + config.output_vocab_size) - logits);
        if (best == answers[step]) {
            n_equal++;
        } else if (first_wrong < 0) {
            first_wrong = step;
        }
    }
    const std::string message   = comparison.report(allowed.intermediate, verbose);
    const double      agreement = static_cast<double>(n_equal) / static_cast<double>(n_steps);
    check_result(comparison.n_nodes() > 0, __FILE__, __LINE__, fixture.name + " expects no decoder nodes");
    check_result(message.empty(), __FILE__, __LINE__, message);
    check_result(agreement >= allowed.forced_agreement,
                 __FILE__,
                 __LINE__,
                 fixture.name + kstt::format(": %.4f of the forced steps agree, first other answer at step %lld",
                                             agreement,
                                             static_cast<long long>(first_wrong)));
    std::printf("%s: %lld frames and %lld steps, forced agreement %.4f\n",
                fixture.name.c_str(),
                static_cast<long long>(n_frames),
                static_cast<long long>(n_steps),
                agreement);
}

void check_fixture(const fs::path & folder, bool verbose) {
    const parity_fixture  fixture(folder);
    kstt::compute_backend backend(2);
    const auto            model   = kstt::stt_model::load(kstt::open_model(fixture.checkpoint, {}), backend);
    const tolerances      allowed = read_tolerances(fixture.dtype);
    // The codec is f32 in every checkpoint.
    check_codec(fixture, *model, backend, read_tolerances("f32").intermediate, verbose);
    check_decoder(fixture, *model, backend, allowed, verbose);
}

}  // namespace

int main(int argc, char ** argv) {
    bool                  verbose = false;
    std::set<std::string> wanted;
    for (int i = 1; i < argc; i++) {
        if (std::string(argv[i]) == "-v") {
            verbose = true;
        } else {
            wanted.insert(argv[i]);
        }
    }
    std::vector<fs::path> folders;
    for (const auto & entry : fs::directory_iterator(std::string(KSTT_SOURCE_DIR) + "/test/fixtures/parity")) {
        if (fs::exists(entry.path() / "manifest.json") &&
            (wanted.empty() || wanted.count(entry.path().filename().string()) > 0)) {
            folders.push_back(entry.path());
        }
    }
    std::sort(folders.begin(), folders.end());
    try {
        kstt::load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    } catch (const kstt::error & e) {
        std::fprintf(stderr, "no device: %s\n", e.what());
        return 1;
    }
    for (const fs::path & folder : folders) {
        try {
            check_fixture(folder, verbose);
        } catch (const std::exception & e) {
            check_result(false, __FILE__, __LINE__, folder.filename().string() + ": " + e.what());
        }
    }
    return check_report();
}
