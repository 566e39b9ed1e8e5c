// Offline work of the codec alone, as transformers' MimiModel does it: encode() and decode(). State of its own, or a
// stream's; weights and threads are the engine's.
#pragma once

#include "model/networks.h"
#include "model/stt-model.h"
#include "session/codec-stream.h"
#include "session/work.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kstt {

class encoding {
  public:
    // Without a stream a last partial frame is padded layer by layer; with one there must be whole frames only, and the
    // batch must have its rows. Throws INVALID_ARGUMENT, INVALID_STATE.
    encoding(const stt_model &             model,
             networks &                    device,
             audio_batch                   batch,
             std::shared_ptr<codec_stream> stream = nullptr);

    work_progress advance(int64_t max_frames, work_stats & stats);

    work_progress progress() const;

    int32_t n_frames() const { return static_cast<int32_t>(n_frames_); }

    // [n_rows][n_quantizers][n_frames]
    const std::vector<int32_t> & codes() const { return codes_; }

  private:
    // One call of the codec; returns the frames it made, over all rows.
    int64_t encode_some(work_stats & stats);

    const stt_model &             model_;
    const audio_batch             batch_;
    std::shared_ptr<codec_stream> stream_;
    int64_t                       n_frames_ = 0;
    int64_t                       encoded_  = 0;
    std::vector<int32_t>          codes_;
};

// audio_codes [n_rows][n_codes][n_frames], kept as a copy.
struct code_batch {
    std::vector<int32_t> codes;
    int32_t              n_rows   = 0;
    int32_t              n_codes  = 0;  // codebooks, 1 .. num_quantizers
    int64_t              n_frames = 0;
};

class decoding {
  public:
    // Throws INVALID_ARGUMENT: a code that no codebook has, too many codebooks, another number of rows than the
    // stream's; INVALID_STATE.
    decoding(const mimi_decoder_weights &  weights,
             compute_backend &             backend,
             code_batch                    batch,
             std::shared_ptr<codec_stream> stream = nullptr);

    work_progress advance(int64_t max_frames, work_stats & stats);

    work_progress progress() const;

    int64_t n_samples() const { return batch_.n_frames * frame_size_; }

    // [n_rows][n_samples]
    const std::vector<float> & audio() const { return audio_; }

  private:
    const code_batch              batch_;
    const int64_t                 frame_size_;
    std::shared_ptr<codec_stream> stream_;
    int64_t                       decoded_ = 0;
    std::vector<float>            audio_;
};

// A fresh stream for n_rows rows.
std::shared_ptr<codec_stream> make_encoder_stream(networks & device, int32_t n_rows);
std::shared_ptr<codec_stream> make_decoder_stream(const mimi_decoder_weights & weights,
                                                  compute_backend &            backend,
                                                  int32_t                      n_rows);

}  // namespace kstt
