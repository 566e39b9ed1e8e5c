// Streaming equals offline equals batched, bit for bit: the encoder, the decoder, and whole sessions.
#include "check.h"
#include "model/mimi-encoder.h"
#include "model/text-decoder.h"
#include "parity-signal.h"
#include "runtime/device.h"
#include "session/engine.h"

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace kstt;

const std::string checkpoint_folder = "test/fixtures/parity/gqa-f32/checkpoint";

// All codes of one stream, cut into calls of the given numbers of frames.
std::vector<int32_t> encode_stream(mimi_encoder &               encoder,
                                   int32_t                      slot,
                                   const std::vector<float> &   pcm,
                                   int64_t                      frame_size,
                                   const std::vector<int32_t> & cuts) {
    encoder.reset(slot);
    std::vector<int32_t> all;
    std::vector<int32_t> codes;
    int64_t              sample = 0;
    for (const int32_t n_frames : cuts) {
        mimi_call call;
        call.slots     = { slot };
        call.pcm       = { pcm.data() + sample };
        call.n_samples = n_frames * frame_size;
        encoder.encode(call, codes);
        all.insert(all.end(), codes.begin(), codes.end());
        sample += call.n_samples;
    }
    return all;
}

void test_encoder(const stt_model & model, compute_backend & backend) {
    mimi_options options;
    options.n_slots             = 3;
    options.max_frames_per_call = 7;
    mimi_encoder             encoder(model.mimi, options, backend);
    const int64_t            frame_size = model.config.codec.frame_size();
    const std::vector<float> pcm        = parity_signal(5, 84 * frame_size);
    const auto               one        = encode_stream(encoder, 0, pcm, frame_size, std::vector<int32_t>(84, 1));
    CHECK(one == encode_stream(encoder, 0, pcm, frame_size, std::vector<int32_t>(42, 2)));
    CHECK(one == encode_stream(encoder, 1, pcm, frame_size, std::vector<int32_t>(12, 7)));

    // Three streams in one batch, joining at different times and in another order of rows.
    std::vector<std::vector<float>>   streams;
    std::vector<std::vector<int32_t>> alone;
    for (uint32_t i = 0; i < 3; i++) {
        streams.push_back(parity_signal(20 + i, 40 * frame_size));
        alone.push_back(encode_stream(encoder, 2, streams.back(), frame_size, std::vector<int32_t>(40, 1)));
    }
    std::vector<std::vector<int32_t>> together(3);
    std::vector<int64_t>              position(3, 0);
    for (int32_t slot = 0; slot < 3; slot++) {
        encoder.reset(slot);
    }
    std::mt19937 random(1);
    for (int32_t round = 0; round < 200; round++) {
        mimi_call call;
        call.n_samples = frame_size;
        for (const int32_t slot : { 2, 0, 1 }) {
            const auto i = static_cast<size_t>(slot);
            if (position[i] < 40 && random() % 3 != 0) {
                call.slots.push_back(slot);
                call.pcm.push_back(streams[i].data() + position[i] * frame_size);
            }
        }
        if (call.slots.empty()) {
            continue;
        }
        std::vector<int32_t> codes;
        encoder.encode(call, codes);
        const auto per_row = static_cast<int64_t>(codes.size() / call.slots.size());
        for (size_t row = 0; row < call.slots.size(); row++) {
            const auto i    = static_cast<size_t>(call.slots[row]);
            const auto from = codes.begin() + static_cast<int64_t>(row) * per_row;
            together[i].insert(together[i].end(), from, from + per_row);
            position[i]++;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK(together[i] == alone[i]);
    }
}

void test_decoder(const stt_model & model, compute_backend & backend) {
    const decoder_config & config = model.config.decoder;
    decoder_options        options;
    options.n_slots              = 2;
    options.max_columns_per_call = 16;
    text_decoder         decoder(model.decoder, options, backend);
    const int64_t        n_steps   = 96;
    const int64_t        n_streams = 1 + config.num_codebooks;
    std::mt19937         random(3);
    std::vector<int32_t> ids;
    ids.reserve(static_cast<size_t>(n_steps * n_streams));
    for (int64_t i = 0; i < n_steps * n_streams; i++) {
        ids.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(config.codebook_vocab_size - 1)));
    }
    const auto run = [&](int64_t columns, int32_t slot) {
        decoder.reset(slot);
        std::vector<float> all;
        for (int64_t step = 0; step < n_steps; step += columns) {
            decoder_call call;
            call.slots     = { slot };
            call.n_columns = columns;
            call.ids.assign(ids.begin() + step * n_streams, ids.begin() + (step + columns) * n_streams);
            const float * logits = decoder.step(call);
            all.insert(all.end(), logits, logits + columns * config.output_vocab_size);
        }
        return all;
    };
    const std::vector<float> one  = run(1, 0);
    const std::vector<float> many = run(16, 1);
    CHECK(one.size() == many.size() && std::memcmp(one.data(), many.data(), one.size() * sizeof(float)) == 0);
    CHECK_THROWS(decoder.step({ { 0 }, 1, std::vector<int32_t>(static_cast<size_t>(n_streams), 1 << 24) }),
                 KSTT_STATUS_INVALID_ARGUMENT,
                 "embedding table");
}

struct stream_result {
    std::vector<int32_t>     tokens;
    std::vector<std::string> words;
    double                   duration = -1.0;

    bool operator==(const stream_result & other) const {
        return tokens == other.tokens && words == other.words && duration == other.duration;
    }
};

void collect(session & stream, stream_result & result) {
    session_event event;
    while (stream.poll(event)) {
        if (event.type == KSTT_EVENT_TOKEN) {
            result.tokens.push_back(event.token);
        } else if (event.type == KSTT_EVENT_WORD) {
            result.words.push_back(format("%s %.6f %.6f", event.text.c_str(), event.start, event.end));
        } else {
            result.duration = event.end;
        }
    }
}

stream_result run_alone(engine & owner, const std::vector<float> & pcm, int32_t rate, size_t chunk) {
    session_options options;
    options.emit_tokens                   = true;
    const std::shared_ptr<session> stream = owner.create_session(options);
    stream_result                  result;
    for (size_t at = 0; at < pcm.size(); at += chunk) {
        owner.push_pcm(*stream, pcm.data() + at, std::min(chunk, pcm.size() - at), rate);
        if (chunk > 1 || at % 997 == 0) {
            owner.step(3);
            collect(*stream, result);
        }
    }
    stream->end();
    while (owner.step(100) > 0) {
    }
    collect(*stream, result);
    owner.remove_session(stream);
    return result;
}

void test_sessions() {
    engine_options options;
    options.n_slots = 4;
    engine                   owner(checkpoint_folder, options);
    const std::vector<float> pcm   = parity_signal(7, 100000);
    const stream_result      whole = run_alone(owner, pcm, 24000, pcm.size());
    CHECK(!whole.tokens.empty() && !whole.words.empty());
    CHECK_EQUAL(whole.duration, 100000.0 / 24000.0);
    for (const size_t chunk : { size_t{ 1 }, size_t{ 480 }, size_t{ 1920 }, size_t{ 7777 } }) {
        CHECK(run_alone(owner, pcm, 24000, chunk) == whole);
    }
    const stream_result other_rate = run_alone(owner, pcm, 44100, pcm.size());
    CHECK(run_alone(owner, pcm, 44100, 4410) == other_rate);

    // Four streams at once, fed unevenly, one of them reset and started over: as each alone.
    std::vector<std::vector<float>>       audio;
    std::vector<stream_result>            alone;
    std::vector<stream_result>            together(4);
    std::vector<std::shared_ptr<session>> streams;
    std::vector<size_t>                   position(4, 0);
    for (uint32_t i = 0; i < 4; i++) {
        audio.push_back(parity_signal(30 + i, 30000 + 9000 * i));
        alone.push_back(run_alone(owner, audio.back(), 24000, audio.back().size()));
    }
    for (size_t i = 0; i < 4; i++) {
        session_options emit;
        emit.emit_tokens = true;
        streams.push_back(owner.create_session(emit));
    }
    CHECK_THROWS(owner.create_session({}), KSTT_STATUS_NO_SLOT, "4 slots");
    owner.push_pcm(*streams[1], pcm.data(), 20000, 24000);
    owner.step(5);
    owner.reset_session(streams[1]);
    std::mt19937 random(11);
    for (int32_t round = 0; round < 400; round++) {
        const size_t i = random() % 4;
        const size_t n = std::min<size_t>(random() % 4000, audio[i].size() - position[i]);
        owner.push_pcm(*streams[i], audio[i].data() + position[i], n, 24000);
        position[i] += n;
        owner.step(static_cast<int32_t>(random() % 3) + 1);
        collect(*streams[i], together[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQUAL(position[i], audio[i].size());
        streams[i]->end();
    }
    while (owner.step(100) > 0) {
    }
    for (size_t i = 0; i < 4; i++) {
        collect(*streams[i], together[i]);
        CHECK(together[i] == alone[i]);
    }
}

}  // namespace

int main() {
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    for (const int32_t n_threads : { 1, 2 }) {
        compute_backend backend(n_threads);
        const auto      model = stt_model::load(kstt::open_model(checkpoint_folder, {}), backend);
        test_encoder(*model, backend);
        test_decoder(*model, backend);
    }
    test_sessions();
    return check_report();
}
