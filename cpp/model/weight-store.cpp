#include "model/weight-store.h"

#include "io/gguf-file.h"
#include "io/memory-files.h"
#include "kernels/packed-weights.h"
#include "nn/graph-scope.h"
#include "nn/packed-weight.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>

namespace kstt {

namespace {

// GGUF's numbers of types are ggml's.
ggml_type ggml_type_of(element_type type) {
    return static_cast<ggml_type>(gguf_tensor_type(type));
}

// Bytes of a file that one thread packs before it releases them.
constexpr int64_t pack_chunk_bytes = 1 << 20;

// From here on memory of its own may hold large pages.
constexpr size_t large_bytes = 2 << 20;

}  // namespace

weight_store::weight_store(std::shared_ptr<const checkpoint> source, const compute_backend & backend, bool packed)
    : source_(std::move(source)), backend_(backend), packed_(packed) {
    ggml_init_params params = {};
    // Each stored tensor is used at most once; codebooks and their norms come on top.
    params.mem_size         = (2 * source_->tensors().size() + 64) * ggml_tensor_overhead();
    params.no_alloc         = true;
    context_                = ggml_init(params);
    for (const std::string & file : source_->files()) {
        take_over_memory_file(file);
    }
    for (const checkpoint::region & region : source_->regions()) {
        regions_.push_back(backend.wrap(region.data, region.size, region.size));
    }
}

weight_store::~weight_store() {
    for (ggml_backend_buffer_t buffer : owned_) {
        ggml_backend_buffer_free(buffer);
    }
    for (ggml_backend_buffer_t buffer : regions_) {
        ggml_backend_buffer_free(buffer);
    }
    ggml_free(context_);
}

ggml_tensor * weight_store::new_tensor(ggml_type type, const std::vector<int64_t> & ne, const std::string & name) {
    ggml_tensor * tensor = ggml_new_tensor(context_, type, static_cast<int>(ne.size()), ne.data());
    ggml_set_name(tensor, name.c_str());
    return tensor;
}

ggml_tensor * weight_store::view(const tensor_view & tensor, ggml_type type) {
    const std::vector<checkpoint::region> regions = source_->regions();
    for (size_t i = 0; i < regions.size(); i++) {
        if (tensor.data >= regions[i].data && tensor.data + tensor.n_bytes <= regions[i].data + regions[i].size) {
            ggml_tensor * result = new_tensor(type, { tensor.shape.rbegin(), tensor.shape.rend() }, tensor.name);
            // The mapping is read-only and nothing writes to weights.
            ggml_backend_tensor_alloc(regions_[i], result, const_cast<uint8_t *>(tensor.data));
            if (regions[i].is_copy) {
                owned_bytes_ += static_cast<int64_t>(tensor.n_bytes);
            } else {
                used_.push_back(&tensor);
                mapped_bytes_ += static_cast<int64_t>(tensor.n_bytes);
            }
            return result;
        }
    }
    throw error(KSTT_STATUS_INTERNAL, format("tensor '%s' lies outside the mapped files", tensor.name.c_str()));
}

ggml_tensor * weight_store::mapped(const std::string & name, const std::vector<int64_t> & shape) {
    const tensor_view & tensor = source_->get(name, shape);
    return view(tensor, ggml_type_of(tensor.type));
}

ggml_tensor * weight_store::product(const std::string & name, const std::vector<int64_t> & shape) {
    const tensor_view & tensor = source_->get(name, shape);
    const ggml_type     type   = ggml_type_of(tensor.type);
    return packed_ && has_packed_layout(type) ? packed(tensor, type) : view(tensor, type);
}

ggml_tensor * weight_store::packed(const tensor_view & tensor, ggml_type type) {
    KSTT_CHECK(tensor.shape.size() == 2);
    const int64_t     n_out     = tensor.shape[0];
    const int64_t     k         = tensor.shape[1];
    const weight_kind kind      = kind_of(type);
    const size_t      row_bytes = ggml_row_size(type, k);
    const auto        n_bytes   = static_cast<size_t>(packed_bytes(kind, k, n_out));
    if (uint8_t * const spare = source_->spare(tensor); spare != nullptr && n_bytes == tensor.n_bytes) {
        return packed_in_place(tensor, type, spare);
    }
    ggml_tensor * result = new_tensor(type, { k, n_out }, tensor.name);
    own(result, n_bytes);
    // Short chunks: what is in memory twice is one of them per thread.
    const int64_t n_chunks = std::max<int64_t>(1, static_cast<int64_t>(tensor.n_bytes) / pack_chunk_bytes);
    thread_pool   pool(n_hardware_threads());
    pool.run(n_chunks, [&](int64_t chunk, int32_t) {
        const work_range share = share_work(n_strips(n_out), chunk, n_chunks);
        pack_strips(kind, tensor.data, k, n_out, share.begin, share.end, result->data);
        const int64_t first = share.begin * strip_rows;
        tensor_view   done;
        done.name    = tensor.name;
        done.data    = tensor.data + static_cast<size_t>(first) * row_bytes;
        done.n_bytes = static_cast<size_t>(std::min(share.end * strip_rows, n_out) - first) * row_bytes;
        source_->release(done);
    });
    source_->release(tensor);
    mark_packed(result);
    return result;
}

// With whole strips and whole lines of scales, a packed strip is as large as its rows were.
ggml_tensor * weight_store::packed_in_place(const tensor_view & tensor, ggml_type type, uint8_t * bytes) {
    const int64_t k           = tensor.shape[1];
    const int64_t n           = n_strips(tensor.shape[0]);
    const size_t  strip_bytes = tensor.n_bytes / static_cast<size_t>(n);
    ggml_tensor * result      = view(tensor, type);
    thread_pool   pool(n_hardware_threads());
    const int64_t n_chunks = std::min<int64_t>(n, int64_t{ 4 } * pool.n_threads());

    std::vector<uint8_t> strips(strip_bytes * static_cast<size_t>(pool.n_threads()));
    pool.run(n_chunks, [&](int64_t chunk, int32_t thread) {
        const work_range share = share_work(n, chunk, n_chunks);
        uint8_t * const  rows  = strips.data() + strip_bytes * static_cast<size_t>(thread);
        for (int64_t strip = share.begin; strip < share.end; strip++) {
            uint8_t * const place = bytes + static_cast<size_t>(strip) * strip_bytes;
            std::memcpy(rows, place, strip_bytes);
            pack_strips(kind_of(type), rows, k, strip_rows, 0, 1, place);
        }
    });
    mark_packed(result);
    return result;
}

ggml_tensor * weight_store::f32(const std::string & name, const std::vector<int64_t> & shape) {
    const tensor_view & tensor = source_->get(name, shape);
    if (tensor.type == element_type::f32) {
        return view(tensor, GGML_TYPE_F32);
    }
    const int64_t rows = shape.size() > 1 ? shape[0] : 1;
    return relaid(name, shape, tensor.n_elements() / rows, rows, [&](const float * stored, float * copy) {
        std::copy(stored, stored + tensor.n_elements(), copy);
    });
}

ggml_tensor * weight_store::relaid(const std::string &          name,
                                   const std::vector<int64_t> & shape,
                                   int64_t                      ne0,
                                   int64_t                      ne1,
                                   const fill_function &        fill) {
    const tensor_view & tensor = source_->get(name, shape);
    ggml_tensor *       copy   = owned_f32(name, ne0, ne1);
    std::vector<float>  stored(static_cast<size_t>(tensor.n_elements()));
    convert_to_f32(tensor, stored.data());
    fill(stored.data(), static_cast<float *>(copy->data));
    source_->release(tensor);
    return copy;
}

ggml_tensor * weight_store::owned_f32(const std::string & name, int64_t ne0, int64_t ne1) {
    ggml_tensor * tensor = new_tensor(GGML_TYPE_F32, { ne0, ne1 }, name);
    own(tensor, ggml_nbytes(tensor));
    return tensor;
}

void weight_store::own(ggml_tensor * tensor, size_t n_bytes) {
    ggml_backend_buffer_t buffer = nullptr;
    if (n_bytes >= large_bytes) {
        memory_.push_back(std::make_unique<large_memory>(n_bytes));
        buffer = backend_.wrap(memory_.back()->data(), n_bytes, n_bytes);
    } else {
        buffer = ggml_backend_buft_alloc_buffer(backend_.buffer_type(), n_bytes);
    }
    if (buffer == nullptr) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, format("not enough memory for weight '%s'", tensor->name));
    }
    owned_.push_back(buffer);
    ggml_backend_tensor_alloc(buffer, tensor, ggml_backend_buffer_get_base(buffer));
    owned_bytes_ += static_cast<int64_t>(n_bytes);
}

int64_t weight_store::prefault(int64_t offset, int64_t max_bytes) const {
    constexpr size_t page    = 4096;
    int64_t          touched = 0;
    unsigned         sum     = 0;
    for (const tensor_view * tensor : used_) {
        const auto n_bytes = static_cast<int64_t>(tensor->n_bytes);
        if (offset >= n_bytes) {
            offset -= n_bytes;
            continue;
        }
        const int64_t take = std::min(n_bytes - offset, max_bytes - touched);
        for (int64_t i = offset; i < offset + take; i += page) {
            sum += tensor->data[i];
        }
        touched += take;
        offset = 0;
        if (touched >= max_bytes) {
            break;
        }
    }
    // The sum must be used, or the reads could be optimised away.
    volatile unsigned sink = sum;
    (void) sink;
    return touched;
}

}  // namespace kstt
