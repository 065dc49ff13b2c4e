penstock_benchmark(join_store_bench DEPS state)
