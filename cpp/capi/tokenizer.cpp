// The C ABI: tokenizers.
#include "text/tokenizer.h"

#include "capi/guard.h"
#include "include/kstt.h"
#include "io/tokenizer-source.h"
#include "text/sentencepiece-model.h"
#include "text/tokenizer-json.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

using namespace kstt;

struct kstt_tokenizer {
    std::unique_ptr<tokenizer> object;
    tokenizer_file             file;
};

namespace {

std::unique_ptr<kstt_tokenizer> make_handle(tokenizer_file file) {
    auto handle    = std::make_unique<kstt_tokenizer>();
    handle->object = tokenizer::read(file);
    handle->file   = std::move(file);
    return handle;
}

}  // namespace

kstt_status kstt_tokenizer_create(const char * path, kstt_tokenizer ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        require(path != nullptr, "path must not be NULL");
        return make_handle(find_tokenizer(path));
    });
}

kstt_status kstt_tokenizer_create_from_memory(
    int32_t kind, const void * bytes, size_t n_bytes, const char * name, kstt_tokenizer ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        require(name != nullptr, "name must not be NULL");
        require(bytes != nullptr || n_bytes == 0, "bytes must not be NULL");
        require(kind == KSTT_TOKENIZER_JSON || kind == KSTT_TOKENIZER_SENTENCEPIECE,
                "kind is none of KSTT_TOKENIZER_*");
        tokenizer_file file;
        file.kind = kind == KSTT_TOKENIZER_JSON ? tokenizer_kind::tokenizer_json : tokenizer_kind::sentencepiece;
        file.name = name;
        if (n_bytes > 0) {
            file.bytes.assign(static_cast<const char *>(bytes), n_bytes);
        }
        return make_handle(std::move(file));
    });
}

kstt_status kstt_tokenizer_encode(const kstt_tokenizer * handle,
                                  const char *           text,
                                  size_t                 n_bytes,
                                  int32_t *              ids,
                                  size_t                 capacity,
                                  size_t *               n_ids,
                                  kstt_error *           err) {
    return guarded(err, [&] {
        require(handle != nullptr && n_ids != nullptr, "tokenizer and n_ids must not be NULL");
        require(text != nullptr || n_bytes == 0, "text must not be NULL");
        require(ids != nullptr || capacity == 0, "ids must not be NULL");
        const std::vector<int32_t> found = handle->object->encode({ text, n_bytes });
        *n_ids                           = found.size();
        if (ids != nullptr && !found.empty() && found.size() <= capacity) {
            std::memcpy(ids, found.data(), found.size() * sizeof(int32_t));
        }
    });
}

kstt_status kstt_tokenizer_decode(const kstt_tokenizer * handle,
                                  const int32_t *        ids,
                                  size_t                 n_ids,
                                  int32_t                skip_special,
                                  char *                 text,
                                  size_t                 capacity,
                                  size_t *               size,
                                  kstt_error *           err) {
    return guarded(err, [&] {
        require(handle != nullptr && size != nullptr, "tokenizer and size must not be NULL");
        require(ids != nullptr || n_ids == 0, "ids must not be NULL");
        require(text != nullptr || capacity == 0, "text must not be NULL");
        const std::string decoded = handle->object->decode(ids, n_ids, skip_special != 0);
        *size                     = decoded.size();
        if (decoded.size() < capacity) {
            std::memcpy(text, decoded.c_str(), decoded.size() + 1);
        }
    });
}

const char * kstt_tokenizer_piece(const kstt_tokenizer * handle, int32_t id, size_t * size) {
    const bool exists = handle != nullptr && !handle->object->piece(id).empty();
    if (size != nullptr) {
        *size = exists ? handle->object->piece(id).size() : 0;
    }
    return exists ? handle->object->piece(id).c_str() : nullptr;
}

int32_t kstt_tokenizer_is_special(const kstt_tokenizer * handle, int32_t id) {
    return handle != nullptr && handle->object->is_special(id) ? 1 : 0;
}

int32_t kstt_tokenizer_vocab_size(const kstt_tokenizer * handle) {
    return handle != nullptr ? handle->object->size() : 0;
}

int32_t kstt_tokenizer_kind(const kstt_tokenizer * handle) {
    return handle == nullptr || handle->file.kind == tokenizer_kind::tokenizer_json ? KSTT_TOKENIZER_JSON
                                                                                    : KSTT_TOKENIZER_SENTENCEPIECE;
}

const char * kstt_tokenizer_file_name(const kstt_tokenizer * handle) {
    return handle != nullptr ? handle->file.name.c_str() : "";
}

const void * kstt_tokenizer_file_bytes(const kstt_tokenizer * handle, size_t * n_bytes) {
    if (n_bytes != nullptr) {
        *n_bytes = handle != nullptr ? handle->file.bytes.size() : 0;
    }
    return handle != nullptr ? handle->file.bytes.data() : nullptr;
}

kstt_status kstt_tokenizer_to_json(
    const kstt_tokenizer * handle, char * text, size_t capacity, size_t * size, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && size != nullptr, "tokenizer and size must not be NULL");
        require(text != nullptr || capacity == 0, "text must not be NULL unless capacity is 0");
        const bool        is_json = handle->file.kind == tokenizer_kind::tokenizer_json;
        const std::string json    = is_json ? handle->file.bytes : to_tokenizer_json(read_sentencepiece(handle->file));
        *size                     = json.size();
        if (capacity > json.size()) {
            std::memcpy(text, json.c_str(), json.size() + 1);
        }
    });
}

void kstt_tokenizer_free(kstt_tokenizer * handle) {
    delete handle;
}
