# The Node addon. cmake-js passes CMAKE_JS_INC, CMAKE_JS_SRC and CMAKE_JS_LIB; Node-API 8 is in Node 20.
execute_process(COMMAND node -p "require('node-addon-api').include_dir" WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                OUTPUT_VARIABLE KSTT_NODE_ADDON_API OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
get_filename_component(KSTT_NODE_ADDON_API ${KSTT_NODE_ADDON_API} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})

file(GLOB KSTT_NODE_SOURCES CONFIGURE_DEPENDS bindings/node/*.cpp)
add_library(kstt_node MODULE ${KSTT_NODE_SOURCES} ${CMAKE_JS_SRC})
target_include_directories(kstt_node PRIVATE cpp/include)
target_include_directories(kstt_node SYSTEM PRIVATE ${KSTT_NODE_ADDON_API} ${CMAKE_JS_INC})
target_link_libraries(kstt_node PRIVATE kstt_core ${CMAKE_JS_LIB})
target_compile_definitions(kstt_node PRIVATE NAPI_VERSION=8 NAPI_CPP_EXCEPTIONS)
set_target_properties(kstt_node PROPERTIES PREFIX "" SUFFIX ".node" OUTPUT_NAME kstt CXX_VISIBILITY_PRESET hidden
                                           LIBRARY_OUTPUT_DIRECTORY ${KSTT_OUTPUT_DIR}
                                           BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${KSTT_RPATH}")
