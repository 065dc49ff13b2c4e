penstock_benchmark(expr_bench DEPS expr)
