# cpp/cuda twice: with KSTT_CUDA (presets cuda*) compiled by nvcc into kstt_core, which is then the core of the CUDA addon;
# without, as ordinary C++ for the tests, where test/cuda/emulation runs the kernels on the host.
option(KSTT_CUDA "Build the core for NVIDIA GPUs" OFF)

file(GLOB KSTT_CUDA_KERNELS CONFIGURE_DEPENDS cpp/cuda/*.cu)
file(GLOB KSTT_CUDA_SOURCES CONFIGURE_DEPENDS cpp/cuda/*.cpp)
file(GLOB KSTT_CUDA_TESTS CONFIGURE_DEPENDS test/cuda/*-test.cpp)

if(KSTT_CUDA)
    enable_language(CUDA)
    # The runtime is linked in: the addon needs the driver and nothing else of CUDA.
    set_target_properties(kstt_core PROPERTIES CUDA_RUNTIME_LIBRARY Static CUDA_STANDARD 17 CUDA_VISIBILITY_PRESET hidden
                                               CUDA_SEPARABLE_COMPILATION OFF)
    target_sources(kstt_core PRIVATE ${KSTT_CUDA_KERNELS} ${KSTT_CUDA_SOURCES})
    # No contraction: platform.cuh says why.
    target_compile_options(kstt_core PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-fmad=false --expt-relaxed-constexpr>)
    target_compile_definitions(kstt_core PUBLIC KSTT_CUDA=1)
    set(KSTT_CUDA_TEST_LIBRARY kstt_core)
elseif(KSTT_BUILD_TESTS AND UNIX AND NOT EMSCRIPTEN AND NOT KSTT_SANITIZE)
    file(GLOB KSTT_EMULATION_SOURCES CONFIGURE_DEPENDS test/cuda/emulation/*.cpp)
    list(REMOVE_ITEM KSTT_CUDA_KERNELS ${PROJECT_SOURCE_DIR}/cpp/cuda/device-api.cu)
    add_library(kstt_cuda_emulated STATIC ${KSTT_CUDA_KERNELS} ${KSTT_CUDA_SOURCES} ${KSTT_EMULATION_SOURCES})
    set_source_files_properties(${KSTT_CUDA_KERNELS} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
    target_compile_definitions(kstt_cuda_emulated PUBLIC KSTT_CUDA_EMULATION=1)
    target_compile_options(kstt_cuda_emulated PRIVATE -ffp-contract=off -O2 -Wno-unused-function)
    target_include_directories(kstt_cuda_emulated PUBLIC test/cuda)
    target_link_libraries(kstt_cuda_emulated PUBLIC kstt_core)
    set(KSTT_CUDA_TEST_LIBRARY kstt_cuda_emulated)
elseif(KSTT_BUILD_TESTS)
    # Sanitizers do not follow a stack that is exchanged; the emulation lives on that.
    message(STATUS "The tests of cpp/cuda are left out of this build: no emulation for it")
    set(KSTT_CUDA_TESTS "")
endif()

if(KSTT_BUILD_TESTS)
    foreach(source ${KSTT_CUDA_TESTS})
        get_filename_component(name ${source} NAME_WE)
        add_executable(cuda-${name} ${source})
        target_include_directories(cuda-${name} PRIVATE test/cpp test/cuda ${KSTT_THIRD_PARTY}/vendor)
        target_link_libraries(cuda-${name} PRIVATE ${KSTT_CUDA_TEST_LIBRARY})
        target_compile_definitions(cuda-${name} PRIVATE KSTT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
        set_target_properties(cuda-${name} PROPERTIES BUILD_RPATH_USE_ORIGIN ON BUILD_RPATH "\$ORIGIN")
        add_test(NAME cuda-${name} COMMAND cuda-${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
        set_tests_properties(cuda-${name} PROPERTIES ENVIRONMENT "KSTT_KERNEL_DIR=${KSTT_OUTPUT_DIR}")
    endforeach()
endif()
