# The WebAssembly module: every function of the C headers, malloc and free, with Emscripten's loader as an ES module.
# tools/build-wasm.mjs puts the results into build/wasm and links the variant with relaxed SIMD.
file(GLOB KSTT_HEADERS CONFIGURE_DEPENDS cpp/include/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${KSTT_HEADERS} tools/wasm-layout.mjs tools/c-header.mjs)
execute_process(COMMAND node ${PROJECT_SOURCE_DIR}/tools/wasm-layout.mjs --module ${CMAKE_BINARY_DIR}
                COMMAND_ERROR_IS_FATAL ANY)

# 4 GB: all that 32-bit addresses reach. The memory is an import so that a host can give one with a lower limit.
set(KSTT_MEMORY_OPTIONS -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4294967296 -sINITIAL_MEMORY=33554432
                        -sTOTAL_STACK=1048576)
set(KSTT_MODULE_OPTIONS -sMODULARIZE=1 -sEXPORT_ES6=1 -sEXPORT_NAME=createKstt -sWASM_BIGINT=1 -sIMPORTED_MEMORY=1
                        -sEXPORTED_FUNCTIONS=@${CMAKE_BINARY_DIR}/exports.txt
                        --post-js=${PROJECT_SOURCE_DIR}/cmake/wasm-memory.js --no-entry)

# -O1 at the link: what lies beyond works on the finished module with Debian's binaryen, which does not know relaxed
# SIMD, and renames exports, so that one loader would not fit both variants.
function(kstt_add_module name)
    add_executable(${name} ${CMAKE_BINARY_DIR}/module.cpp)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cpp/include)
    target_link_libraries(${name} PRIVATE kstt_core)
    target_link_options(${name} PRIVATE ${KSTT_MODULE_OPTIONS} ${KSTT_MEMORY_OPTIONS} ${ARGN} -O1)
    add_dependencies(${name} kstt_kernels_relaxed)
    set_target_properties(${name} PROPERTIES SUFFIX ".mjs" LINK_DEPENDS
                          "${CMAKE_BINARY_DIR}/exports.txt;${PROJECT_SOURCE_DIR}/cmake/wasm-memory.js")
endfunction()

if(KSTT_WASM_THREADS)
    # Workers are started before the module is; a thread more than there are workers is refused, and thread_pool does
    # with fewer.
    set(KSTT_THREAD_OPTIONS -sPTHREAD_POOL_SIZE=Module.pthreadPoolSize -sPTHREAD_POOL_SIZE_STRICT=2
                            -sDEFAULT_PTHREAD_STACK_SIZE=262144)
    kstt_add_module(kstt-threads -sENVIRONMENT=web,worker ${KSTT_THREAD_OPTIONS})
    kstt_add_module(kstt-threads-node -sENVIRONMENT=node,worker ${KSTT_THREAD_OPTIONS}
                    --extern-pre-js=${PROJECT_SOURCE_DIR}/cmake/wasm-node.js)
else()
    kstt_add_module(kstt-single -sENVIRONMENT=web,worker)
endif()

# Tests are programs for Node that see the file system as it is: those where the processor, the size of addresses or
# threads could make a difference. Rights of files, pipes and signals are things that Emscripten does not have.
set(KSTT_WASM_TESTS kernels packed-kernels packed-weights parity moshi-parity layouts streaming prompt refresh tokenizer
                    resampler memory-files)
if(KSTT_WASM_THREADS)
    set(KSTT_WASM_TESTS capi parity packed-weights streaming memory-files thread-pool)
endif()
function(kstt_select_wasm_tests list)
    list(JOIN KSTT_WASM_TESTS "|" names)
    set(selected ${${list}})
    list(FILTER selected INCLUDE REGEX "/(${names})-test.cpp$")
    set(${list} ${selected} PARENT_SCOPE)
endfunction()

# With the other kernels too; tools/wasm-relaxed.mjs links these. --no-liftoff: V8 11.3, to which relaxed SIMD is an
# experiment, computes it wrongly in its first compiler (cpp/kernels/dispatch.cpp).
set(KSTT_RELAXED_TESTS kernels-test packed-kernels-test parity-test)
if(KSTT_WASM_THREADS)
    set(KSTT_RELAXED_TESTS parity-test)
endif()

# Their loaders are CommonJS, whatever the package around them is.
file(WRITE ${KSTT_OUTPUT_DIR}/package.json "{}\n")

function(kstt_prepare_wasm_test name source)
    file(STRINGS ${source} with_arguments REGEX "^int main\\(int")
    if(with_arguments)
        target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/wasm-main.cpp)
    endif()
    target_link_options(${name} PRIVATE ${KSTT_MEMORY_OPTIONS} -sNODERAWFS=1 -sENVIRONMENT=node,worker -sEXIT_RUNTIME=1
                        --pre-js=${PROJECT_SOURCE_DIR}/cmake/wasm-test.js -O1)
    if(KSTT_WASM_THREADS)
        target_link_options(${name} PRIVATE -sPTHREAD_POOL_SIZE=8 -sPTHREAD_POOL_SIZE_STRICT=2)
    endif()
    if(name IN_LIST KSTT_RELAXED_TESTS)
        add_dependencies(${name} kstt_kernels_relaxed)
        add_test(NAME ${name}-relaxed COMMAND node --experimental-wasm-relaxed-simd --no-liftoff ${KSTT_OUTPUT_DIR}/relaxed/${name}.js
                 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    endif()
endfunction()
