// What a checkpoint is, as JSON text.
#pragma once

#include "napi-setup.h"

namespace kstt_node {

// describeModel(path: string, options: { codebooks?, transformersCompat? }): Promise<string>
Napi::Value describe_model(const Napi::CallbackInfo & info);

}  // namespace kstt_node
