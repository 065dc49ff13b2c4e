# Tests of whole pipelines on real servers: penstock_pipeline_test(NAME LABEL TIMEOUT [SOURCE…]).
# A test finds the services that it starts in the build's bin folder.
set(penstock_pipeline_parts process jetstream clickhouse kafka config protocol)

penstock_left_out(penstock_pipelines_left_out ${penstock_pipeline_parts} ingestor transform join sink)
if(NOT TARGET penstock_pipeline_harness AND NOT penstock_pipelines_left_out)
  add_library(penstock_pipeline_harness STATIC
              "${CMAKE_CURRENT_LIST_DIR}/join_harness.cc" "${CMAKE_CURRENT_LIST_DIR}/kafka_admin.cc" "${CMAKE_CURRENT_LIST_DIR}/metrics_page.cc"
              "${CMAKE_CURRENT_LIST_DIR}/nats_cluster.cc" "${CMAKE_CURRENT_LIST_DIR}/nats_server.cc" "${CMAKE_CURRENT_LIST_DIR}/pipeline_harness.cc"
              "${CMAKE_CURRENT_LIST_DIR}/pipeline_test.cc" "${CMAKE_CURRENT_LIST_DIR}/servers.cc"
              "${CMAKE_CURRENT_LIST_DIR}/service_process.cc" "${CMAKE_CURRENT_LIST_DIR}/tcp_gate.cc")
  target_include_directories(penstock_pipeline_harness PUBLIC "${CMAKE_SOURCE_DIR}/tests")
  target_compile_definitions(penstock_pipeline_harness PRIVATE
                             PENSTOCK_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             PENSTOCK_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(penstock_pipeline_harness PRIVATE penstock_warnings PUBLIC GTest::gtest)
  foreach(part IN LISTS penstock_pipeline_parts)
    target_link_libraries(penstock_pipeline_harness PUBLIC penstock_${part})
  endforeach()
  add_dependencies(penstock_pipeline_harness penstock-ingestor penstock-transform penstock-join penstock-sink)
endif()

function(penstock_pipeline_test name label timeout)
  if(NOT TARGET penstock_pipeline_harness)
    return()
  endif()
  penstock_test(${name} LABEL ${label} TIMEOUT ${timeout} SOURCES ${name}.cc ${ARGN})
  target_link_libraries(${name} PRIVATE penstock_pipeline_harness)
endfunction()
