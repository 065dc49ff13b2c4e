set(json_record_sources json_record.cc ../support/json_oracle.cc)

penstock_test(json_record_fuzz_test LABEL unit DEPS json SOURCES json_record_test.cc ${json_record_sources})

# Configure with clang, PENSTOCK_FUZZ=ON and PENSTOCK_SANITIZE=fuzzer-no-link,address,undefined; then
#   mkdir found; bin/fuzz_json_record found tests/fuzz/corpus/json_record
# libFuzzer writes what it finds into the first folder: not into the one that git keeps.
if(PENSTOCK_FUZZ)
  add_executable(fuzz_json_record ${json_record_sources})
  target_include_directories(fuzz_json_record PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(fuzz_json_record PRIVATE penstock_json penstock_warnings)
  target_link_options(fuzz_json_record PRIVATE -fsanitize=fuzzer)
endif()
