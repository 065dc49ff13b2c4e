penstock_benchmark(dedup_bench DEPS state protocol)
