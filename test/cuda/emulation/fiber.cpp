#include "emulation/fiber.h"

#include <cstdint>
#include <cstring>

namespace kstt::gpu::emulation {

namespace {

constexpr size_t stack_bytes = 64 << 10;

}  // namespace

#if defined(__x86_64__)

// swapcontext() makes a system call per switch; a kernel test switches millions of times.
asm(R"(
.text
.p2align 4
.globl kstt_switch_stack
.hidden kstt_switch_stack
.type kstt_switch_stack, @function
kstt_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size kstt_switch_stack, .-kstt_switch_stack
)");

extern "C" void kstt_switch_stack(void ** from, void * to);

namespace {

thread_local fiber * starting = nullptr;

}  // namespace

void fiber::start(void (*entry)(void *), void * argument) {
    entry_    = entry;
    argument_ = argument;
    is_done_  = false;
    // What the switch pops: six registers, then the address to return to; the stack is aligned as after a call.
    auto top  = reinterpret_cast<uintptr_t>(stack_.get() + stack_bytes) & ~uintptr_t{ 15 };
    auto slot = reinterpret_cast<uint64_t *>(top - 16);
    *slot     = reinterpret_cast<uint64_t>(+[] { run(starting); });
    std::memset(slot - 6, 0, 6 * sizeof(uint64_t));
    own_ = slot - 6;
}

void fiber::resume() {
    starting = this;
    kstt_switch_stack(&caller_, own_);
}

void fiber::give_way() {
    kstt_switch_stack(&own_, caller_);
}

#else

namespace {

thread_local fiber * starting = nullptr;

}  // namespace

void fiber::start(void (*entry)(void *), void * argument) {
    entry_    = entry;
    argument_ = argument;
    is_done_  = false;
    getcontext(&own_);
    own_.uc_stack.ss_sp   = stack_.get();
    own_.uc_stack.ss_size = stack_bytes;
    own_.uc_link          = nullptr;
    makecontext(&own_, +[] { run(starting); }, 0);
}

void fiber::resume() {
    starting = this;
    swapcontext(&caller_, &own_);
}

void fiber::give_way() {
    swapcontext(&own_, &caller_);
}

#endif

fiber::fiber() : stack_(new char[stack_bytes]) {}

fiber::~fiber() = default;

void fiber::run(fiber * self) {
    self->entry_(self->argument_);
    self->is_done_ = true;
    self->give_way();
}

}  // namespace kstt::gpu::emulation
