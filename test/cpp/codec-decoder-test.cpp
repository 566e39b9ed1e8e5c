// The codec's decoder and codec streams: pieces and batches give the same bits as the whole, the decoder half is loaded
// when something decodes, and what does not fit is refused. Numbers against transformers: test/parity/codec.test.ts.
#include "check.h"
#include "include/kstt.h"
#include "parity-signal.h"
#include "status-check.h"
#include "temp-folder.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

const char * const with_decoder    = "test/fixtures/parity/plain-f32/checkpoint";
const char * const without_decoder = "test/fixtures/parity/gqa-f32/checkpoint";
const char * const own_layout      = "test/fixtures/codec/original/checkpoint";  // Kyutai's, with both halves

// Other layouts whose files end with the encoder.
const char * const encoders[] = { "original-f32", "candle-f32", "mlx-q4", "moshi.cpp-f32" };

constexpr int32_t n_codes    = 8;
constexpr int32_t n_entries  = 64;
constexpr int64_t frame_size = 1920;

class engine_handle {
  public:
    explicit engine_handle(const char * path, int32_t n_threads = 2) {
        kstt_engine_params params = kstt_engine_default_params();
        params.n_threads          = n_threads;
        EXPECT_OK(kstt_engine_create(path, &params, &engine_, &last_error));
    }

    ~engine_handle() { kstt_engine_free(engine_); }

    engine_handle(const engine_handle &)             = delete;
    engine_handle & operator=(const engine_handle &) = delete;

    operator kstt_engine *() const { return engine_; }  // NOLINT: stands for the handle

  private:
    kstt_engine * engine_ = nullptr;
};

// [n_rows][n_codes][n_frames]
std::vector<int32_t> random_codes(int32_t n_rows, int64_t n_frames, uint32_t seed) {
    std::vector<int32_t> codes(static_cast<size_t>(n_rows) * static_cast<size_t>(n_codes * n_frames));
    for (int32_t & code : codes) {
        seed = seed * 1664525U + 1013904223U;
        code = static_cast<int32_t>(seed >> 16U) % n_entries;
    }
    return codes;
}

// Frames first .. first + n of every list.
std::vector<int32_t> cut(const std::vector<int32_t> & codes, int64_t n_frames, int64_t first, int64_t n) {
    std::vector<int32_t> part;
    for (size_t at = 0; at < codes.size(); at += static_cast<size_t>(n_frames)) {
        const auto begin = codes.begin() + static_cast<int64_t>(at) + first;
        part.insert(part.end(), begin, begin + n);
    }
    return part;
}

std::vector<float> decode(kstt_engine *                engine,
                          const std::vector<int32_t> & codes,
                          int32_t                      n_rows,
                          kstt_codec_stream *          stream     = nullptr,
                          int32_t                      max_frames = 1000) {
    const size_t    n_frames = codes.size() / static_cast<size_t>(n_rows * n_codes);
    kstt_decoding * decoding = nullptr;
    EXPECT_OK(kstt_decoding_create(engine, codes.data(), n_rows, n_codes, n_frames, stream, &decoding, &last_error));
    if (decoding == nullptr) {
        return {};
    }
    kstt_progress progress = {};
    while (progress.finished == 0) {
        EXPECT_OK(kstt_decoding_advance(decoding, max_frames, &progress, &last_error));
    }
    std::vector<float> audio(static_cast<size_t>(n_rows * kstt_decoding_n_samples(decoding)));
    EXPECT_OK(kstt_decoding_audio(decoding, audio.data(), audio.size(), &last_error));
    kstt_decoding_free(decoding);
    return audio;
}

void test_pieces() {
    const engine_handle        engine(with_decoder);
    constexpr int64_t          n_frames = 61;
    const std::vector<int32_t> codes    = random_codes(1, n_frames, 5);
    const std::vector<float>   whole    = decode(engine, codes, 1);
    CHECK_EQUAL(static_cast<int64_t>(whole.size()), n_frames * frame_size);
    CHECK(*std::max_element(whole.begin(), whole.end()) > 0.1F);
    for (const std::vector<int64_t> & sizes : { std::vector<int64_t>{ 1 }, { 7 }, { 25, 3 }, { 60 } }) {
        kstt_codec_stream * stream = nullptr;
        EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_DECODER, 1, &stream, &last_error));
        std::vector<float> pieces;
        size_t             turn = 0;
        for (int64_t first = 0; first < n_frames; turn++) {
            const int64_t            n    = std::min(sizes[turn % sizes.size()], n_frames - first);
            const std::vector<float> next = decode(engine, cut(codes, n_frames, first, n), 1, stream, 3);
            pieces.insert(pieces.end(), next.begin(), next.end());
            first += n;
            CHECK_EQUAL(kstt_codec_stream_n_columns(stream), 2 * first);
        }
        CHECK(pieces == whole);
        kstt_codec_stream_free(stream);
    }
    // Any number of threads computes the same.
    CHECK(decode(engine_handle(with_decoder, 1), codes, 1) == whole);
}

void test_rows() {
    const engine_handle        engine(with_decoder);
    constexpr int64_t          n_frames = 30;
    const std::vector<int32_t> codes    = random_codes(3, n_frames, 9);
    const std::vector<float>   batch    = decode(engine, codes, 3);
    for (int64_t row = 0; row < 3; row++) {
        const auto                 begin = codes.begin() + row * n_codes * n_frames;
        const std::vector<int32_t> own(begin, begin + n_codes * n_frames);
        const std::vector<float>   alone = decode(engine, own, 1);
        CHECK(std::equal(alone.begin(), alone.end(), batch.begin() + row * n_frames * frame_size));
    }
}

// A fresh start of one cache is a change; of both, a new stream.
void test_restart() {
    const engine_handle        engine(with_decoder);
    constexpr int64_t          n_frames = 12;
    const std::vector<int32_t> codes    = random_codes(1, n_frames, 3);
    const std::vector<float>   fresh    = decode(engine, codes, 1);
    for (const int32_t caches : { int32_t{ KSTT_CODEC_ATTENTION }, int32_t{ KSTT_CODEC_CONVOLUTIONS }, 3 }) {
        kstt_codec_stream * stream = nullptr;
        EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_DECODER, 1, &stream, &last_error));
        CHECK(decode(engine, codes, 1, stream) == fresh);
        EXPECT_OK(kstt_codec_stream_restart(stream, caches, &last_error));
        CHECK_EQUAL(kstt_codec_stream_n_columns(stream),
                    (caches & KSTT_CODEC_ATTENTION) != 0 ? int64_t{ 0 } : 2 * n_frames);
        CHECK_EQUAL(decode(engine, codes, 1, stream) == fresh, caches == 3);
        EXPECT(kstt_codec_stream_restart(stream, 4, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "caches");
        kstt_codec_stream_free(stream);
    }
}

void test_unfinished() {
    const engine_handle        engine(with_decoder);
    const std::vector<int32_t> codes    = random_codes(1, 20, 3);
    kstt_codec_stream *        stream   = nullptr;
    kstt_decoding *            decoding = nullptr;
    kstt_decoding *            second   = nullptr;
    EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_DECODER, 1, &stream, &last_error));
    EXPECT_OK(kstt_decoding_create(engine, codes.data(), 1, n_codes, 20, stream, &decoding, &last_error));
    std::vector<float> audio(20 * frame_size);
    EXPECT(kstt_decoding_audio(decoding, audio.data(), audio.size(), &last_error),
           KSTT_STATUS_INVALID_STATE,
           "not finished");
    kstt_progress progress = {};
    EXPECT_OK(kstt_decoding_advance(decoding, 8, &progress, &last_error));
    CHECK_EQUAL(progress.done, int64_t{ 8 });
    EXPECT(kstt_decoding_create(engine, codes.data(), 1, n_codes, 20, stream, &second, &last_error),
           KSTT_STATUS_INVALID_STATE,
           "under way");
    CHECK(second == nullptr);
    EXPECT(
        kstt_codec_stream_restart(stream, KSTT_CODEC_ATTENTION, &last_error), KSTT_STATUS_INVALID_STATE, "under way");
    kstt_decoding_free(decoding);
    EXPECT(kstt_decoding_create(engine, codes.data(), 1, n_codes, 20, stream, &second, &last_error),
           KSTT_STATUS_INVALID_STATE,
           "given up");
    kstt_codec_stream_free(stream);
}

void test_encoder_stream() {
    const engine_handle      engine(with_decoder);
    const std::vector<float> pcm      = parity_signal(4, 30 * frame_size);
    kstt_codec_stream *      stream   = nullptr;
    kstt_encoding *          piece    = nullptr;
    kstt_encoding *          whole    = nullptr;
    kstt_progress            progress = {};
    std::vector<int32_t>     expected(30 * n_codes);
    EXPECT_OK(kstt_encoding_create(engine, pcm.data(), 1, pcm.size(), &whole, &last_error));
    while (progress.finished == 0) {
        EXPECT_OK(kstt_encoding_advance(whole, 1000, &progress, &last_error));
    }
    EXPECT_OK(kstt_encoding_codes(whole, expected.data(), expected.size(), &last_error));
    kstt_encoding_free(whole);

    EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_ENCODER, 1, &stream, &last_error));
    EXPECT(kstt_encoding_create_piece(stream, pcm.data(), 1, 1919, &piece, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "whole frames of 1920 samples, but has 1919");
    EXPECT(kstt_encoding_create_piece(stream, pcm.data(), 2, 1920, &piece, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "2 rows");
    int64_t first = 0;
    for (const int64_t n : { 1, 11, 18 }) {
        EXPECT_OK(kstt_encoding_create_piece(
            stream, pcm.data() + first * frame_size, 1, static_cast<size_t>(n * frame_size), &piece, &last_error));
        progress = {};
        while (progress.finished == 0) {
            EXPECT_OK(kstt_encoding_advance(piece, 4, &progress, &last_error));
        }
        std::vector<int32_t> codes(static_cast<size_t>(n * n_codes));
        EXPECT_OK(kstt_encoding_codes(piece, codes.data(), codes.size(), &last_error));
        CHECK(codes == cut(expected, 30, first, n));
        kstt_encoding_free(piece);
        first += n;
    }
    kstt_codec_stream_free(stream);
}

void test_refusals() {
    const engine_handle  engine(with_decoder);
    std::vector<int32_t> codes    = random_codes(2, 3, 1);
    kstt_decoding *      decoding = nullptr;
    const auto           create   = [&](int32_t n_rows, int32_t n_lists, size_t n_frames, kstt_codec_stream * stream) {
        return kstt_decoding_create(engine, codes.data(), n_rows, n_lists, n_frames, stream, &decoding, &last_error);
    };
    EXPECT(create(0, n_codes, 3, nullptr), KSTT_STATUS_INVALID_ARGUMENT, "n_rows");
    EXPECT(create(1, 0, 3, nullptr), KSTT_STATUS_INVALID_ARGUMENT, "n_codes");
    EXPECT(create(1, n_codes, 0, nullptr), KSTT_STATUS_INVALID_ARGUMENT, "n_frames");
    EXPECT(create(1, 16, 3, nullptr), KSTT_STATUS_INVALID_ARGUMENT, "the codec has 8");
    codes[3 * n_codes + 7] = n_entries;
    EXPECT(create(2, n_codes, 3, nullptr),
           KSTT_STATUS_INVALID_ARGUMENT,
           "code 64 of row 1, codebook 2, frame 1 is not in 0..63");
    codes[3 * n_codes + 7] = -1;
    EXPECT(create(2, n_codes, 3, nullptr), KSTT_STATUS_INVALID_ARGUMENT, "code -1");
    codes[3 * n_codes + 7] = 0;

    const engine_handle other(with_decoder);
    kstt_codec_stream * foreign = nullptr;
    kstt_codec_stream * encoder = nullptr;
    kstt_codec_stream * one_row = nullptr;
    EXPECT_OK(kstt_codec_stream_create(other, KSTT_CODEC_DECODER, 2, &foreign, &last_error));
    EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_ENCODER, 2, &encoder, &last_error));
    EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_DECODER, 1, &one_row, &last_error));
    EXPECT(create(2, n_codes, 3, foreign), KSTT_STATUS_INVALID_ARGUMENT, "another engine");
    EXPECT(create(2, n_codes, 3, encoder), KSTT_STATUS_INVALID_ARGUMENT, "encoder");
    EXPECT(create(2, n_codes, 3, one_row), KSTT_STATUS_INVALID_ARGUMENT, "2 rows");
    kstt_encoding *          encoding = nullptr;
    const std::vector<float> pcm(1920, 0.0F);
    EXPECT(kstt_encoding_create_piece(one_row, pcm.data(), 1, pcm.size(), &encoding, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "decoder");
    kstt_codec_stream * none = one_row;
    EXPECT(kstt_codec_stream_create(engine, 2, 1, &none, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "half");
    for (kstt_codec_stream * stream : { foreign, encoder, one_row }) {
        kstt_codec_stream_free(stream);
    }
    CHECK(decoding == nullptr && none == nullptr);
}

void test_lifetime() {
    kstt_engine *       engine = nullptr;
    kstt_codec_stream * stream = nullptr;
    kstt_decoding *     left   = nullptr;
    EXPECT_OK(kstt_engine_create(with_decoder, nullptr, &engine, &last_error));
    EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_DECODER, 1, &stream, &last_error));
    const std::vector<int32_t> codes = random_codes(1, 3, 1);
    EXPECT_OK(kstt_decoding_create(engine, codes.data(), 1, n_codes, 3, stream, &left, &last_error));
    kstt_engine_free(engine);
    kstt_progress progress = {};
    EXPECT(kstt_decoding_advance(left, 1, &progress, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    EXPECT(kstt_codec_stream_restart(stream, 1, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    CHECK_EQUAL(kstt_codec_stream_n_columns(stream), int64_t{ 0 });
    kstt_codec_stream_free(stream);
    kstt_decoding_free(left);
    kstt_codec_stream_free(nullptr);
    kstt_decoding_free(nullptr);
    CHECK_EQUAL(kstt_decoding_n_samples(nullptr), int64_t{ 0 });
}

void test_checkpoint_without_decoder() {
    const engine_handle        engine(without_decoder);
    const std::vector<int32_t> codes(7, 0);
    kstt_decoding *            decoding = nullptr;
    kstt_codec_stream *        stream   = nullptr;
    EXPECT(kstt_decoding_create(engine, codes.data(), 1, 7, 1, nullptr, &decoding, &last_error),
           KSTT_STATUS_MODEL_UNSUPPORTED,
           "only the encoder of its codec");
    EXPECT(kstt_codec_stream_create(engine, KSTT_CODEC_DECODER, 1, &stream, &last_error),
           KSTT_STATUS_MODEL_UNSUPPORTED,
           "only the encoder of its codec");
    EXPECT_OK(kstt_codec_stream_create(engine, KSTT_CODEC_ENCODER, 1, &stream, &last_error));
    kstt_codec_stream_free(stream);
}

void copy_checkpoint(const char * from, const temp_folder & to) {
    for (const auto & entry : std::filesystem::directory_iterator(from)) {
        std::filesystem::copy(entry.path(), std::filesystem::path(to.path()) / entry.path().filename());
    }
}

// In a safetensors header: the last letter becomes an x.
void rename_tensor(const std::string & path, const std::string & name) {
    std::FILE * file = std::fopen(path.c_str(), "r+b");
    std::string header(1 << 16, '\0');
    header.resize(std::fread(header.data(), 1, header.size(), file));
    const size_t at = header.find(name);
    CHECK(at != std::string::npos);
    CHECK_EQUAL(std::fseek(file, static_cast<long>(at + name.size() - 1), SEEK_SET), 0);
    CHECK_EQUAL(std::fputc('x', file), 'x');
    CHECK_EQUAL(std::fclose(file), 0);
}

void test_layouts() {
    const std::vector<int32_t> codes(8, 0);
    kstt_decoding *            decoding = nullptr;
    for (const char * name : encoders) {
        const engine_handle engine((std::string("test/fixtures/layouts/") + name).c_str());
        EXPECT(kstt_decoding_create(engine, codes.data(), 1, 4, 2, nullptr, &decoding, &last_error),
               KSTT_STATUS_MODEL_UNSUPPORTED,
               "only the encoder of its codec");
    }
    const engine_handle engine(own_layout);
    EXPECT_OK(kstt_decoding_create(engine, codes.data(), 1, 4, 2, nullptr, &decoding, &last_error));
    kstt_decoding_free(decoding);

    // A half that lost a tensor is damaged; the other half goes on working.
    const temp_folder folder;
    copy_checkpoint(own_layout, folder);
    rename_tensor(folder.path("mimi-pytorch-e351c8d8@125.safetensors"), "upsample.convtr.convtr.convtr.weight");
    const engine_handle damaged(folder.path().c_str());
    EXPECT(kstt_decoding_create(damaged, codes.data(), 1, 4, 2, nullptr, &decoding, &last_error),
           KSTT_STATUS_MODEL_FORMAT,
           "upsample.convtr.convtr.convtr.weight");
}

// What the engine counts as read does not grow: the decoder half is no part of the model that transcribes.
void test_loaded_when_needed() {
    const engine_handle engine(with_decoder);
    kstt_engine_info    before = {};
    kstt_engine_info    after  = {};
    EXPECT_OK(kstt_engine_get_info(engine, &before, &last_error));
    CHECK(!decode(engine, random_codes(1, 2, 1), 1).empty());
    EXPECT_OK(kstt_engine_get_info(engine, &after, &last_error));
    CHECK_EQUAL(after.weight_bytes, before.weight_bytes);

    // Damage in it is found by whoever decodes, and by nobody else.
    const temp_folder folder;
    copy_checkpoint(with_decoder, folder);
    rename_tensor(folder.path("model.safetensors"), "codec_model.upsample.conv.weight");
    const engine_handle        damaged(folder.path().c_str());
    const std::vector<int32_t> codes    = random_codes(1, 1, 1);
    kstt_decoding *            decoding = nullptr;
    EXPECT(kstt_decoding_create(damaged, codes.data(), 1, n_codes, 1, nullptr, &decoding, &last_error),
           KSTT_STATUS_MODEL_FORMAT,
           "codec_model.upsample.conv.weight");
}

}  // namespace

int main() {
    EXPECT_OK(kstt_init(std::getenv("KSTT_KERNEL_DIR"), &last_error));
    return check_run({ test_pieces,
                       test_rows,
                       test_restart,
                       test_unfinished,
                       test_encoder_stream,
                       test_refusals,
                       test_lifetime,
                       test_checkpoint_without_decoder,
                       test_layouts,
                       test_loaded_when_needed });
}
