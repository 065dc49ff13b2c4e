penstock_benchmark(clickhouse_bench DEPS clickhouse json events)
