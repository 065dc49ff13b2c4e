module penstock/bench/expr_go

go 1.18

require github.com/expr-lang/expr v1.17.7
