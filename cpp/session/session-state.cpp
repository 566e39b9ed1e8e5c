// A session's host state to bytes and back.
#include "runtime/byte-archive.h"
#include "runtime/error.h"
#include "session/session.h"

#include <algorithm>

namespace kstt {

namespace {

// A snapshot whose checksum is right was made by this library or forged; either way nothing in it may reach beyond the
// tables of the model.
void require_sound(bool condition) {
    if (!condition) {
        throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: its parts do not fit together");
    }
}

}  // namespace

template <typename Archive>
void session::archive(Archive & a) {
    a(line_, intake_, heard_, codes_, step_, previous_, n_pads_, n_extended_, n_again_, finished_, constraint_);
    a(forced_, prompt_end_, sounds_, words_, levels_, turns_, refresh_, events_);
}

void session::save(byte_writer & out) {
    const std::lock_guard<std::mutex> hold(lock_);
    intake_.compact();
    codes_.erase(codes_.begin(), codes_.begin() + static_cast<int64_t>(used_));
    used_ = 0;
    archive(out);
}

void session::load(byte_reader & in) {
    const std::lock_guard<std::mutex> hold(lock_);
    used_ = 0;
    archive(in);
    check_loaded();
}

void session::check_loaded() const {
    const decoder_config & config  = model_.config.decoder;
    const auto             n_codes = static_cast<size_t>(config.num_codebooks);
    const auto             is_code = [&](int32_t id) { return id >= 0 && id < config.codebook_vocab_size; };
    require_sound(std::all_of(codes_.begin(), codes_.end(), is_code) && codes_.size() % n_codes == 0);
    require_sound(previous_ >= 0 && previous_ < config.vocab_size && step_ >= 0 && n_again_ >= 0);
    const auto is_token = [&](int32_t id) { return id >= 0 && id < config.vocab_size - 1; };
    require_sound(std::all_of(forced_.begin(), forced_.end(), is_token));
    // Between steps every frame taken has its codes; those that are decoded again were heard before.
    require_sound(codes_.size() / n_codes == heard_.size() + static_cast<size_t>(n_again_));
    require_sound(refresh_.is_sound(config.vocab_size, config.codebook_vocab_size) && intake_.is_sound());
}

}  // namespace kstt
