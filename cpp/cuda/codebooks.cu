// Residual vector quantization in one launch: 32 codebooks one after the other, each search shared by the blocks of a
// group, which wait for one another before the next. A group has up to 8 frames, whose residuals every one of its
// blocks keeps; entries are read once for all of them.
//
// A dot product is summed by lanes (each its own dimensions, in order) and then by halving, for any number of frames.
#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "runtime/error.h"

#include <algorithm>

namespace kstt::gpu {

namespace {

constexpr int32_t n_threads   = 256;
constexpr int32_t warps       = n_threads / 32;
constexpr int32_t max_dim     = 512;
constexpr int32_t max_parts   = 64;
constexpr int32_t lane_values = max_dim / 32;

struct winner {
    float   score;
    int32_t index;
};

KSTT_DEVICE winner better(winner a, winner b) {
    return b.score > a.score || (b.score == a.score && b.index < a.index) ? b : a;
}

struct group_place {
    int32_t group, n_groups, part, n_parts;
};

// Best entry of this block's share for each frame, into bests [warps][frames_per_group].
KSTT_DEVICE void search_part(const codebook_call & call,
                             const group_place &   place,
                             int32_t               book,
                             const float *         residuals,
                             int32_t               n_frames,
                             winner *              bests) {
    const int32_t lane  = lane_index();
    const int32_t begin = static_cast<int32_t>(static_cast<int64_t>(call.n_entries) * place.part / place.n_parts);
    const int32_t end   = static_cast<int32_t>(static_cast<int64_t>(call.n_entries) * (place.part + 1) / place.n_parts);
    winner        best[frames_per_group];
    KSTT_UNROLL
    for (int32_t f = 0; f < frames_per_group; f++) {
        best[f] = { -INFINITY, 0x7fffffff };
    }
    KSTT_UNROLL_BY_4
    for (int32_t e = begin + warp_index(); e < end; e += warps) {
        const int64_t at = static_cast<int64_t>(book) * call.n_entries + e;
        float         entry[lane_values];
        KSTT_UNROLL
        for (int32_t i = 0; i < lane_values; i++) {
            const int32_t d = i * 32 + lane;
            entry[i]        = d < call.dim ? call.entries[at * call.dim + d] : 0.0F;
        }
        const float half_norm = call.half_norm[at];
        KSTT_UNROLL
        for (int32_t f = 0; f < frames_per_group; f++) {
            if (f < n_frames) {
                float dot = 0.0F;
                KSTT_UNROLL
                for (int32_t i = 0; i < lane_values; i++) {
                    const int32_t d = i * 32 + lane;
                    if (d < call.dim) {
                        dot = fmaf(entry[i], residuals[f * call.dim + d], dot);
                    }
                }
                best[f] = better(best[f], { sum_lanes(dot) - half_norm, e });
            }
        }
    }
    if (lane == 0) {
        KSTT_UNROLL
        for (int32_t f = 0; f < frames_per_group; f++) {
            bests[warp_index() * frames_per_group + f] = best[f];
        }
    }
}

KSTT_KERNEL KSTT_BOUNDS(n_threads, 1) search_codebooks(codebook_call call) {
    const group_place place     = { static_cast<int32_t>(blockIdx.y),
                                    static_cast<int32_t>(gridDim.y),
                                    static_cast<int32_t>(blockIdx.x),
                                    static_cast<int32_t>(gridDim.x) };
    const auto        thread    = static_cast<int32_t>(threadIdx.x);
    float *           residuals = reinterpret_cast<float *>(block_memory());                         // [frames][dim]
    auto *            bests  = reinterpret_cast<winner *>(residuals + frames_per_group * call.dim);  // [warps][frames]
    auto *            chosen = reinterpret_cast<int32_t *>(bests + warps * frames_per_group);        // [frames]
    uint32_t          target = 0;
    int32_t           turn   = 0;
    for (int32_t first = place.group * frames_per_group; first < call.n_frames;
         first += place.n_groups * frames_per_group) {
        const int32_t n_frames = min(frames_per_group, call.n_frames - first);
        for (int32_t book = 0; book < call.n_codebooks; book++) {
            if (book == 0 || book == call.n_semantic) {
                const float * from = book < call.n_semantic ? call.semantic : call.acoustic;
                for (int32_t i = thread; i < n_frames * call.dim; i += n_threads) {
                    residuals[i] = from[static_cast<int64_t>(first + i / call.dim) * call.stride + i % call.dim];
                }
                __syncthreads();
            }
            search_part(call, place, book, residuals, n_frames, bests);
            __syncthreads();
            // Two sets of results by turns: a block may be one codebook ahead of another, never two.
            const int64_t set = (static_cast<int64_t>(place.group) * 2 + turn++ % 2) * place.n_parts * frames_per_group;
            if (thread < n_frames) {
                winner best = bests[thread];
                for (int32_t w = 1; w < warps; w++) {
                    best = better(best, bests[w * frames_per_group + thread]);
                }
                call.scores[set + place.part * frames_per_group + thread]  = best.score;
                call.winners[set + place.part * frames_per_group + thread] = best.index;
                __threadfence();
            }
            __syncthreads();
            target += static_cast<uint32_t>(place.n_parts);
            if (thread == 0) {
                atomicAdd(call.counters + place.group, 1U);
                wait_for_count(call.counters + place.group, target);
                __threadfence();
            }
            __syncthreads();
            if (thread < n_frames) {
                winner best = { load_shared_result(call.scores + set + thread),
                                load_shared_result(call.winners + set + thread) };
                for (int32_t part = 1; part < place.n_parts; part++) {
                    best = better(best,
                                  { load_shared_result(call.scores + set + part * frames_per_group + thread),
                                    load_shared_result(call.winners + set + part * frames_per_group + thread) });
                }
                // Without a number among the scores, the first entry, as on the host.
                chosen[thread] = best.index < call.n_entries ? best.index : 0;
                if (place.part == 0) {
                    call.codes[static_cast<int64_t>(first + thread) * call.n_codebooks + book] = chosen[thread];
                }
            }
            __syncthreads();
            for (int32_t i = thread; i < n_frames * call.dim; i += n_threads) {
                const int64_t entry = static_cast<int64_t>(book) * call.n_entries + chosen[i / call.dim];
                residuals[i] -= call.entries[entry * call.dim + i % call.dim];
            }
            __syncthreads();
        }
    }
}

}  // namespace

codebook_plan plan_codebooks(int32_t n_frames, int32_t n_processors) {
    codebook_plan plan;
    plan.n_groups = std::max(1, std::min((n_frames + frames_per_group - 1) / frames_per_group, n_processors));
    // One block per processor at most: all of them have to run at the same time.
    plan.n_parts  = std::max(1, std::min(max_parts, n_processors / plan.n_groups));
    return plan;
}

size_t codebook_scratch(const codebook_plan & plan) {
    return static_cast<size_t>(plan.n_groups) * 2 * static_cast<size_t>(plan.n_parts) * frames_per_group;
}

void launch_codebooks(stream & on, const codebook_call & call, const codebook_plan & plan) {
    KSTT_CHECK(call.dim <= max_dim);
    on.clear(call.counters, static_cast<size_t>(plan.n_groups) * sizeof(uint32_t));
    launch_shape shape;
    shape.grid_x       = static_cast<uint32_t>(plan.n_parts);
    shape.grid_y       = static_cast<uint32_t>(plan.n_groups);
    shape.n_threads    = n_threads;
    shape.shared_bytes = static_cast<size_t>(frames_per_group * call.dim) * sizeof(float) +
                         warps * frames_per_group * sizeof(winner) + frames_per_group * sizeof(int32_t);
    shape.cooperative = true;
    launch(on, shape, search_codebooks, call);
}

}  // namespace kstt::gpu
