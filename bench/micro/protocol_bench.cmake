penstock_benchmark(protocol_bench DEPS protocol json events)
