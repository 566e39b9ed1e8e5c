// Runs the threads of a grid in turns.
#include "emulation/device-functions.h"
#include "emulation/fiber.h"
#include "emulation/launch.h"
#include "runtime/error.h"

#include <memory>
#include <vector>

namespace kstt::gpu::emulation {

namespace {

constexpr uint32_t warp_size = 32;

// Turns without anyone but waiting loops running, until it is called a deadlock.
constexpr int64_t max_idle_turns = 1 << 20;

enum class wait_state { ready, spinning, at_warp, at_block, done };

struct warp_state {
    // Two sets of values: a lane may reach the next meeting while another has not yet read this one's.
    alignas(16) char values[2][warp_size * meeting_stride];
};

struct emulated_thread {
    fiber        stack;
    thread_place place;
    wait_state   state    = wait_state::done;
    meeting      kind     = meeting::shuffle;
    uint32_t     meetings = 0;  // of its warp so far
    warp_state * warp     = nullptr;
};

struct scheduler {
    std::vector<std::unique_ptr<emulated_thread>> threads;
    std::vector<std::unique_ptr<warp_state>>      warps;
    std::vector<std::vector<char>>                shared;
    emulated_thread *                             current   = nullptr;
    const std::function<void()> *                 body      = nullptr;
    bool                                          backwards = false;
};

scheduler & the_scheduler() {
    thread_local scheduler one;
    return one;
}

// The thread that runs; outside of a kernel there is none.
emulated_thread & running() {
    KSTT_CHECK(the_scheduler().current != nullptr);
    return *the_scheduler().current;
}

void give_way(wait_state state) {
    emulated_thread * self = &running();
    self->state            = state;
    self->stack.give_way();
}

void enter(void *) {
    const std::function<void()> * body = the_scheduler().body;
    KSTT_CHECK(body != nullptr);
    (*body)();
}

void step(emulated_thread & thread) {
    scheduler & all = the_scheduler();
    all.current     = &thread;
    thread.state    = wait_state::ready;
    thread.stack.resume();
    if (thread.stack.is_done()) {
        thread.state = wait_state::done;
    }
}

// Lets a group that waits at one place go on together.
bool release(emulated_thread * const * group, size_t n, wait_state at, const char * what) {
    size_t waiting = 0;
    size_t done    = 0;
    for (size_t i = 0; i < n; i++) {
        waiting += group[i]->state == at ? 1 : 0;
        done += group[i]->state == wait_state::done ? 1 : 0;
    }
    if (waiting == 0 || waiting + done < n) {
        return false;
    }
    if (done > 0) {
        throw error(KSTT_STATUS_INTERNAL, format("%s: %zu threads wait, %zu have ended", what, waiting, done));
    }
    for (size_t i = 0; i < n; i++) {
        if (at == wait_state::at_warp && group[i]->kind != group[0]->kind) {
            throw error(KSTT_STATUS_INTERNAL, "lanes of a warp wait at different kinds of places");
        }
        group[i]->state = wait_state::ready;
    }
    return true;
}

void prepare(const launch_shape & shape, uint32_t first_block, uint32_t n_blocks) {
    scheduler & all = the_scheduler();
    while (all.threads.size() < size_t{ n_blocks } * shape.n_threads) {
        all.threads.push_back(std::make_unique<emulated_thread>());
    }
    while (all.warps.size() < size_t{ n_blocks } * shape.n_threads / warp_size) {
        all.warps.push_back(std::make_unique<warp_state>());
    }
    if (all.shared.size() < n_blocks) {
        all.shared.resize(n_blocks);
    }
    for (uint32_t b = 0; b < n_blocks; b++) {
        // Fresh memory holds anything: nothing may count on zeros.
        all.shared[b].assign(shape.shared_bytes + 128, static_cast<char>(0xcd));
        auto base = reinterpret_cast<uintptr_t>(all.shared[b].data());
        base      = (base + 127) & ~uintptr_t{ 127 };
        for (uint32_t t = 0; t < shape.n_threads; t++) {
            emulated_thread & thread = *all.threads[size_t{ b } * shape.n_threads + t];
            const uint32_t    block  = first_block + b;
            thread.place.thread      = { t, 0, 0 };
            thread.place.block       = { block % shape.grid_x,
                                         block / shape.grid_x % shape.grid_y,
                                         block / shape.grid_x / shape.grid_y };
            thread.place.block_size  = { shape.n_threads, 1, 1 };
            thread.place.grid_size   = { shape.grid_x, shape.grid_y, shape.grid_z };
            thread.place.shared      = reinterpret_cast<char *>(base);
            thread.warp              = all.warps[(size_t{ b } * shape.n_threads + t) / warp_size].get();
            thread.meetings          = 0;
            thread.state             = wait_state::ready;
            thread.stack.start(enter, nullptr);
        }
    }
}

void run_blocks(const launch_shape & shape, uint32_t first_block, uint32_t n_blocks) {
    prepare(shape, first_block, n_blocks);
    scheduler &                    all       = the_scheduler();
    const size_t                   n_threads = size_t{ n_blocks } * shape.n_threads;
    std::vector<emulated_thread *> order;
    for (size_t i = 0; i < n_threads; i++) {
        order.push_back(all.threads[i].get());
    }
    int64_t idle = 0;
    while (true) {
        bool moved   = false;
        bool waiting = false;
        for (size_t w = 0; w < n_threads / warp_size; w++) {
            emulated_thread ** lanes = order.data() + (all.backwards ? n_threads / warp_size - 1 - w : w) * warp_size;
            do {
                for (size_t i = 0; i < warp_size; i++) {
                    emulated_thread & lane = *lanes[all.backwards ? warp_size - 1 - i : i];
                    if (lane.state == wait_state::ready) {
                        step(lane);
                        moved = true;
                    } else if (lane.state == wait_state::spinning) {
                        step(lane);
                        waiting = true;
                    }
                }
            } while (release(lanes, warp_size, wait_state::at_warp, "a warp's meeting"));
        }
        for (size_t b = 0; b < n_blocks; b++) {
            moved |= release(order.data() + b * shape.n_threads, shape.n_threads, wait_state::at_block, "a barrier");
        }
        idle = moved ? 0 : idle + 1;
        if (!moved && !waiting) {
            break;
        }
        if (idle > max_idle_turns) {
            throw error(KSTT_STATUS_INTERNAL, "blocks wait for one another for ever");
        }
    }
    for (const emulated_thread * thread : order) {
        if (thread->state != wait_state::done) {
            throw error(KSTT_STATUS_INTERNAL, "threads wait at places that others never reach");
        }
    }
}

}  // namespace

const thread_place & here() {
    return running().place;
}

void meet_block() {
    give_way(wait_state::at_block);
}

void spin() {
    give_way(wait_state::spinning);
}

const char * meet_warp(meeting kind, const void * value, size_t n_bytes) {
    emulated_thread * self  = &running();
    const size_t      lane  = self->place.thread.x % warp_size;
    char *            place = self->warp->values[self->meetings++ % 2];
    std::memcpy(place + lane * meeting_stride, value, n_bytes);
    self->kind = kind;
    give_way(wait_state::at_warp);
    return place;
}

void set_backwards(bool backwards) {
    the_scheduler().backwards = backwards;
}

void run_grid(const launch_shape & shape, const std::function<void()> & body);

void run_grid(const launch_shape & shape, const std::function<void()> & body) {
    if (shape.n_threads == 0 || shape.n_threads % warp_size != 0 || shape.n_threads > 1024) {
        throw error(KSTT_STATUS_INTERNAL, format("a block of %u threads", shape.n_threads));
    }
    if (shape.shared_bytes > (227U << 10) || shape.grid_y > 65535 || shape.grid_z > 65535) {
        throw error(KSTT_STATUS_INTERNAL, "a launch beyond the limits of every device");
    }
    the_scheduler().body    = &body;
    const uint32_t n_blocks = shape.grid_x * shape.grid_y * shape.grid_z;
    if (shape.cooperative) {
        run_blocks(shape, 0, n_blocks);
        return;
    }
    for (uint32_t block = 0; block < n_blocks; block++) {
        run_blocks(shape, block, 1);
    }
}

}  // namespace kstt::gpu::emulation
