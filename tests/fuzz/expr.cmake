set(expr_sources expr_parser.cc expr_program.cc)

penstock_test(expr_fuzz_test LABEL unit DEPS expr SOURCES expr_test.cc ${expr_sources})

# Two targets: any text as an expression, and an expression (first line) over a record (the rest).
# Build and run them as json_record.cmake says.
if(PENSTOCK_FUZZ)
  foreach(target IN ITEMS expr_parser expr_program)
    add_executable(fuzz_${target} ${target}.cc)
    target_include_directories(fuzz_${target} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
    target_compile_definitions(fuzz_${target} PRIVATE PENSTOCK_LIBFUZZER)
    target_link_libraries(fuzz_${target} PRIVATE penstock_expr penstock_warnings)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  endforeach()
endif()
