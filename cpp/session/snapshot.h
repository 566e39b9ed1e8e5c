// The bytes of a session that was put aside: to go on later, in another slot, engine or process.
//
// Header: magic, format version, fingerprint of the model, size and checksum of the rest. Then the options, the host
// state, the codec's and the decoder's state. A snapshot goes on bit for bit on the same kind of processor; on another
// instruction set it goes on as well, with that one's rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kstt {

// Changes with any change of what follows the header.
constexpr uint32_t snapshot_version = 2;

// Puts the header before the payload.
std::vector<uint8_t> seal_snapshot(const std::vector<uint8_t> & payload, uint64_t fingerprint);

struct snapshot_payload {
    const uint8_t * bytes = nullptr;
    size_t          size  = 0;
};

// Checks the header. Throws INVALID_SNAPSHOT: no snapshot, another version, another model, damaged.
snapshot_payload open_snapshot(const uint8_t * bytes, size_t size, uint64_t fingerprint);

}  // namespace kstt
