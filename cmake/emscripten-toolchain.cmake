# Emscripten's own toolchain file, told what it does not find out. tools/build-wasm.mjs sets the environment.
if(NOT DEFINED ENV{EMSCRIPTEN})
    message(FATAL_ERROR "The WebAssembly build needs Emscripten's folder in EMSCRIPTEN. Run: node tools/build-wasm.mjs")
endif()
# By default the processor is called x86, and ggml then leaves out its SIMD code with a warning only.
set(EMSCRIPTEN_SYSTEM_PROCESSOR wasm32)
include($ENV{EMSCRIPTEN}/cmake/Modules/Platform/Emscripten.cmake)
