# cpp/kernels/kernels.cpp and packed.cpp compiled once per instruction set; cpp/kernels/dispatch.cpp picks one at run time.
# Each build defines KSTT_KERNEL_ISA, the suffix of its exported functions.
function(kstt_build_kernels isa)
    add_library(kstt_kernels_${isa} OBJECT ${PROJECT_SOURCE_DIR}/cpp/kernels/kernels.cpp
                                           ${PROJECT_SOURCE_DIR}/cpp/kernels/packed.cpp)
    target_include_directories(kstt_kernels_${isa} PRIVATE ${PROJECT_SOURCE_DIR}/cpp)
    target_link_libraries(kstt_kernels_${isa} PRIVATE kstt_options)
    target_compile_definitions(kstt_kernels_${isa} PRIVATE KSTT_KERNEL_ISA=${isa})
    # -fno-math-errno only: nothing that changes results between builds of one instruction set.
    target_compile_options(kstt_kernels_${isa} PRIVATE -O3 -fno-math-errno -fno-trapping-math ${ARGN})
    set_target_properties(kstt_kernels_${isa} PROPERTIES CXX_VISIBILITY_PRESET hidden)
endfunction()

function(kstt_add_kernels target isa)
    kstt_build_kernels(${isa} ${ARGN})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:kstt_kernels_${isa}>)
    target_compile_definitions(${target} PRIVATE KSTT_HAVE_KERNELS_${isa})
endfunction()

# One rounding per operation, so that quantized products are the same on every instruction set.
set_source_files_properties(${PROJECT_SOURCE_DIR}/cpp/kernels/packed.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)

function(kstt_add_all_kernels target)
    if(EMSCRIPTEN)
        kstt_add_kernels(${target} simd128)
        kstt_build_kernels(relaxed -mrelaxed-simd)  # linked into a module of its own by tools/wasm-relaxed.mjs
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
        set(avx2 -mavx2 -mfma -mf16c -mbmi2)
        set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
        kstt_add_kernels(${target} base)
        kstt_add_kernels(${target} avx2 ${avx2})
        kstt_add_kernels(${target} avxvnni ${avx2} -mavxvnni)
        kstt_add_kernels(${target} avx512 ${avx512})
        kstt_add_kernels(${target} avx512vnni ${avx512} -mavx512vnni)
    else()
        kstt_add_kernels(${target} base)
    endif()
endfunction()
