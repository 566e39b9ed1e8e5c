# Warnings and sanitizers for our own sources, as one interface target.
add_library(kstt_options INTERFACE)
target_compile_features(kstt_options INTERFACE cxx_std_17)
if(MSVC)
    target_compile_options(kstt_options INTERFACE /W4 /utf-8)
else()
    target_compile_options(kstt_options INTERFACE
        "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wno-unused-parameter;-Wno-psabi>")
endif()

if(EMSCRIPTEN)
    # What fits size_t elsewhere does not fit its 32 bits here.
    target_compile_options(kstt_options INTERFACE -Werror=shift-count-overflow)
    # For ggml too: C++ exceptions pass through it, and threads need shared memory in every object.
    add_compile_options(-msimd128 -fwasm-exceptions -Wno-version-check)
    add_link_options(-fwasm-exceptions -Wno-version-check)
    if(KSTT_WASM_THREADS)
        add_compile_options(-pthread)
        add_link_options(-pthread)
    endif()
endif()

set(KSTT_SANITIZE "" CACHE STRING "Sanitizers for our own sources, e.g. address,undefined")
if(KSTT_SANITIZE)
    add_compile_options(-fsanitize=${KSTT_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${KSTT_SANITIZE})
endif()
