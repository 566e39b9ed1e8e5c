// A thread of a kernel as the emulation runs it: a stack of its own that gives way where the thread has to wait.
#pragma once

#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#    include <ucontext.h>
#endif

namespace kstt::gpu::emulation {

class fiber {
  public:
    fiber();
    ~fiber();
    fiber(const fiber &)             = delete;
    fiber & operator=(const fiber &) = delete;

    // The next resume() calls entry(argument) from its beginning.
    void start(void (*entry)(void *), void * argument);
    // Runs until the fiber gives way or entry returns.
    void resume();
    // From within: back to whoever called resume().
    void give_way();

    bool is_done() const { return is_done_; }

  private:
    static void run(fiber * self);

    std::unique_ptr<char[]> stack_;
    void (*entry_)(void *) = nullptr;
    void * argument_       = nullptr;
    bool   is_done_        = true;
#if defined(__x86_64__)
    void * own_    = nullptr;  // stack pointers of the side that does not run
    void * caller_ = nullptr;
#else
    ucontext_t own_    = {};
    ucontext_t caller_ = {};
#endif
};

}  // namespace kstt::gpu::emulation
