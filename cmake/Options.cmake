# Compiler options of every target of this project. They travel by the interface target blindai_options, so that
# headers of other projects never meet our warnings.
add_library(blindai_options INTERFACE)

target_compile_options(blindai_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-align -Woverloaded-virtual -Wimplicit-fallthrough -Wextra-semi -Werror
  -fvisibility=hidden -fstack-protector-strong)
target_compile_definitions(blindai_options INTERFACE
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
target_link_options(blindai_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 finds uninitialised members in every std::variant that is moved; clang's analysis stays on.
  # And it takes the frames of inlined coroutines for memory of another allocator.
  target_compile_options(blindai_options INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(blindai_options INTERFACE -Wthread-safety)
endif()

if(BLINDAI_REFERENCE_ENGINE)
  if(NOT BLINDAI_TESTS)
    message(FATAL_ERROR "BLINDAI_REFERENCE_ENGINE is for tests alone, and BLINDAI_TESTS is off")
  endif()
  target_compile_definitions(blindai_options INTERFACE BLINDAI_REFERENCE_ENGINE=1)
endif()

if(BLINDAI_SANITIZE)
  add_compile_options(-fsanitize=${BLINDAI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BLINDAI_SANITIZE})
  if(BLINDAI_SANITIZE MATCHES "address|thread")
    # The fortified wrappers hide accesses from the sanitizers.
    target_compile_options(blindai_options INTERFACE -U_FORTIFY_SOURCE)
  endif()
endif()

find_program(BLINDAI_CCACHE ccache)
if(BLINDAI_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${BLINDAI_CCACHE}")
endif()
