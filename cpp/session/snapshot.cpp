#include "session/snapshot.h"

#include "model/model-fingerprint.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {

namespace {

struct header {
    char     magic[8];
    uint32_t version;
    uint32_t reserved;
    uint64_t fingerprint;
    uint64_t size;
    uint64_t checksum;
};

constexpr char magic[8] = { 'K', 'S', 'T', 'T', 'S', 'N', 'A', 'P' };

}  // namespace

std::vector<uint8_t> seal_snapshot(const std::vector<uint8_t> & payload, uint64_t fingerprint) {
    header front = {};
    std::memcpy(front.magic, magic, sizeof(magic));
    front.version     = snapshot_version;
    front.fingerprint = fingerprint;
    front.size        = payload.size();
    front.checksum    = hash_bytes(payload.data(), payload.size());
    std::vector<uint8_t> result(sizeof(front) + payload.size());
    std::memcpy(result.data(), &front, sizeof(front));
    if (!payload.empty()) {
        std::memcpy(result.data() + sizeof(front), payload.data(), payload.size());
    }
    return result;
}

snapshot_payload open_snapshot(const uint8_t * bytes, size_t size, uint64_t fingerprint) {
    const auto refuse = [](const std::string & why) { throw error(KSTT_STATUS_INVALID_SNAPSHOT, why); };
    header     front  = {};
    if (size < sizeof(front)) {
        refuse(format("%zu bytes are no snapshot of a session", size));
    }
    std::memcpy(&front, bytes, sizeof(front));
    if (std::memcmp(front.magic, magic, sizeof(magic)) != 0) {
        refuse("the bytes are no snapshot of a session");
    }
    if (front.version != snapshot_version) {
        refuse(format("the snapshot has format %u; this version reads format %u", front.version, snapshot_version));
    }
    if (front.fingerprint != fingerprint) {
        refuse("the snapshot was made with another model");
    }
    const size_t left = size - sizeof(front);
    if (front.size != left) {
        refuse(format("the snapshot is damaged: %zu bytes follow its header, %llu are expected",
                      left,
                      static_cast<unsigned long long>(front.size)));
    }
    if (front.checksum != hash_bytes(bytes + sizeof(front), left)) {
        refuse("the snapshot is damaged: its checksum is wrong");
    }
    return { bytes + sizeof(front), left };
}

}  // namespace kstt
