penstock_benchmark(json_bench DEPS json events)
if(TARGET json_bench)
  # Compared with simdjson alone, which no library but json may use otherwise.
  target_link_libraries(json_bench PRIVATE third_party::simdjson)
endif()
