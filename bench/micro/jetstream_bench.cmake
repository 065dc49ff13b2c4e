penstock_benchmark(jetstream_bench DEPS base jetstream)
if(TARGET jetstream_bench)
  target_sources(jetstream_bench PRIVATE "${CMAKE_SOURCE_DIR}/tests/support/nats_server.cc")
endif()
