// A slot of the codec to bytes and back, in the form of the CPU's arena.
#include "cuda/codec-executor.h"
#include "runtime/byte-archive.h"
#include "runtime/error.h"

namespace kstt::gpu {

void codec_executor::save(int32_t slot, byte_writer & out) const {
    int64_t position = clock_.frames(slot);
    int64_t start    = clock_.attention_start(slot);
    out(position, start);
    // In the order of the CPU's state layout: convolutions, rings, and the downsampling convolution last.
    const auto save_state = [&](const context_state & state) {
        std::vector<float> values(static_cast<size_t>(state.n_floats));
        stream_.download(
            values.data(), state.memory.as<float>() + slot * state.n_floats, values.size() * sizeof(float));
        stream_.wait();
        out.raw(values.data(), values.size() * sizeof(float));
    };
    for (size_t i = 0; i < states_.size(); i++) {
        if (static_cast<int32_t>(i) != downsample_state_) {
            save_state(states_[i]);
        }
    }
    rings_->save(stream_, slot, (position - start) * config_.columns_per_frame(), out);
    if (downsample_state_ >= 0) {
        save_state(states_[static_cast<size_t>(downsample_state_)]);
    }
}

void codec_executor::load(int32_t slot, byte_reader & in) {
    reset(slot);
    int64_t position = 0;
    int64_t start    = 0;
    in(position, start);
    if (start < 0 || position < start) {
        throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: a position is impossible");
    }
    const auto load_state = [&](const context_state & state) {
        std::vector<float> values(static_cast<size_t>(state.n_floats));
        in.raw(values.data(), values.size() * sizeof(float));
        stream_.upload(state.memory.as<float>() + slot * state.n_floats, values.data(), values.size() * sizeof(float));
        stream_.wait();
    };
    for (size_t i = 0; i < states_.size(); i++) {
        if (static_cast<int32_t>(i) != downsample_state_) {
            load_state(states_[i]);
        }
    }
    rings_->load(stream_, slot, (position - start) * config_.columns_per_frame(), in);
    if (downsample_state_ >= 0) {
        load_state(states_[static_cast<size_t>(downsample_state_)]);
    }
    clock_.set(slot, position, start);
}

}  // namespace kstt::gpu
