// The expressions of expr_bench.cc that need no helper function of GlassFlow's, run by the
// reference's own language over one of the same records, decoded as it decodes them.
package expr_go

import (
	"encoding/json"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

const record = `{"type":"order.created","kind":"order.paid","total":75.25,"qty":3,"paid":true,
	"ts":"2024-03-15T10:22:31Z","coupon":null,
	"user":{"id":7,"name":"Ann Lee","email":"ann7@example.com","tags":["beta","eu"],"address":{"city":"Berlin"}},
	"items":[{"sku":"A-1","price":9.5,"n":1},{"sku":"B-7","price":4,"n":3}]}`

var expressions = []struct{ name, source string }{
	{"compare", `total > 100`},
	{"and_or", `total > 100 and paid or qty == 3`},
	{"equal_text", `kind == "order.paid"`},
	{"in_set", `kind in ["order.paid", "order.sent", "order.lost"]`},
	{"prefix", `kind startsWith "order."`},
	{"matches", `kind matches "^order\\.(paid|sent)$"`},
	{"arithmetic", `round(total * 1.19 * 100) / 100`},
	{"conditional", `total > 500 ? "big" : total > 50 ? "middle" : "small"`},
	{"coalesce", `coupon ?? "none"`},
	{"modulo", `int(qty) % 4 == 1`},
	{"upper", `upper(kind)`},
	{"split", `split(kind, ".")[1]`},
	{"nested", `user.address.city == "Berlin"`},
	{"optional", `user?.manager?.name ?? "nobody"`},
	{"filter_items", `len(filter(items, .price > 5)) > 0`},
	{"sum_items", `sum(items, .price * .n)`},
}

func BenchmarkExpr(b *testing.B) {
	var row map[string]any
	if err := json.Unmarshal([]byte(record), &row); err != nil {
		b.Fatal(err)
	}
	for _, expression := range expressions {
		program, err := expr.Compile(expression.source)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expression.name, func(b *testing.B) {
			var machine vm.VM
			for i := 0; i < b.N; i++ {
				if _, err := machine.Run(program, row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("decode_the_record", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			var row map[string]any
			if err := json.Unmarshal([]byte(record), &row); err != nil {
				b.Fatal(err)
			}
		}
	})
}
