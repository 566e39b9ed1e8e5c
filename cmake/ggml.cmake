# ggml from the pinned sources that tools/fetch-ggml.mjs unpacks. The only place with GGML_ options.
set(KSTT_THIRD_PARTY ${PROJECT_SOURCE_DIR}/third_party/llama.cpp)
if(NOT EXISTS ${KSTT_THIRD_PARTY}/ggml/CMakeLists.txt)
    message(FATAL_ERROR "ggml's sources are missing. Run: node tools/fetch-ggml.mjs")
endif()

set(GGML_NATIVE OFF CACHE BOOL "" FORCE)         # one binary for every processor
set(GGML_OPENMP OFF CACHE BOOL "" FORCE)         # ggml's own thread pool: no libgomp, no spinning between steps
set(GGML_LLAMAFILE OFF CACHE BOOL "" FORCE)      # its results depend on the number of columns; ours must not
set(GGML_BUILD_TESTS OFF CACHE BOOL "" FORCE)
set(GGML_BUILD_EXAMPLES OFF CACHE BOOL "" FORCE)
set(GGML_CCACHE OFF CACHE BOOL "" FORCE)

if(EMSCRIPTEN)
    set(BUILD_SHARED_LIBS OFF)
    set(KSTT_CPU_MODULES "")
else()
    # ggml-base shared, each CPU variant a module that kstt_init picks at run time.
    set(BUILD_SHARED_LIBS ON)
    set(GGML_BACKEND_DL ON CACHE BOOL "" FORCE)
    set(GGML_CPU_ALL_VARIANTS ON CACHE BOOL "" FORCE)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
        # Of ggml's fifteen variants, the three that differ for its quantized products.
        set(KSTT_CPU_MODULES ggml-cpu-x64 ggml-cpu-haswell ggml-cpu-cascadelake)
    elseif(APPLE)
        set(KSTT_CPU_MODULES ggml-cpu-apple_m1 ggml-cpu-apple_m2_m3)
    else()
        set(KSTT_CPU_MODULES ggml-cpu-armv8.0_1 ggml-cpu-armv8.2_2 ggml-cpu-armv8.6_1)
    endif()
endif()

# EXCLUDE_FROM_ALL: only what our targets name gets built.
add_subdirectory(${KSTT_THIRD_PARTY}/ggml ${CMAKE_BINARY_DIR}/ggml EXCLUDE_FROM_ALL)

set_target_properties(ggml-base PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${KSTT_THIRD_PARTY}/ggml/include)
# The folder of the library itself and no path of this machine: the files are copied into packages.
if(APPLE)
    set(KSTT_RPATH "@loader_path")
else()
    set(KSTT_RPATH "\$ORIGIN")
endif()

if(NOT EMSCRIPTEN)
    # A name of our own: another addon in the same process may carry another ggml.
    set_target_properties(ggml-base PROPERTIES OUTPUT_NAME kstt-ggml-base LIBRARY_OUTPUT_DIRECTORY ${KSTT_OUTPUT_DIR}
                                               RUNTIME_OUTPUT_DIRECTORY ${KSTT_OUTPUT_DIR})
    set_property(TARGET ggml-base ${KSTT_CPU_MODULES} PROPERTY VERSION)
    set_property(TARGET ggml-base ${KSTT_CPU_MODULES} PROPERTY SOVERSION)
    foreach(module ${KSTT_CPU_MODULES})
        set_target_properties(${module} PROPERTIES OUTPUT_NAME kstt-${module} LIBRARY_OUTPUT_DIRECTORY ${KSTT_OUTPUT_DIR}
                                                   BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${KSTT_RPATH}")
    endforeach()
endif()
