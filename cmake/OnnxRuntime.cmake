# The interface target onnxruntime_headers and the path BLINDAI_ONNXRUNTIME_LIBRARY, for ONNX Runtime 1.28.0 as scripts/lib/fetch-onnxruntime lays it out.
set(BLINDAI_ONNXRUNTIME_ROOT "${PROJECT_SOURCE_DIR}/build/third_party/onnxruntime" CACHE PATH "folder with include/ and lib/ of ONNX Runtime")
set(BLINDAI_ONNXRUNTIME_VERSION 1.28.0)
set(BLINDAI_ONNXRUNTIME_LIBRARY "${BLINDAI_ONNXRUNTIME_ROOT}/lib/libonnxruntime.so.${BLINDAI_ONNXRUNTIME_VERSION}")
if(NOT EXISTS "${BLINDAI_ONNXRUNTIME_LIBRARY}" OR NOT EXISTS "${BLINDAI_ONNXRUNTIME_ROOT}/include/onnxruntime_c_api.h")
  message(FATAL_ERROR "ONNX Runtime ${BLINDAI_ONNXRUNTIME_VERSION} is not in ${BLINDAI_ONNXRUNTIME_ROOT}: "
                      "run scripts/lib/fetch-onnxruntime, or scripts/setup, which does that and the rest")
endif()
# Nothing links the library: its one entry point is looked up in the file that was measured (src/engine/engine.h).
add_library(onnxruntime_headers INTERFACE)
target_include_directories(onnxruntime_headers SYSTEM INTERFACE "${BLINDAI_ONNXRUNTIME_ROOT}/include")
target_compile_definitions(onnxruntime_headers INTERFACE ORT_API_MANUAL_INIT)
