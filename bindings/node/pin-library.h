// Keeps this addon's code in memory until the process ends.
#pragma once

namespace kstt_node {

// Node unloads an addon with the last environment that uses it, e.g. when a worker thread ends, although the core's
// thread pools and process state still need the code. Safe to call more than once.
void pin_library();

}  // namespace kstt_node
