# The demo itself: a topic full of events, a table, a pipeline between them, and what came of it. Sourced by
# ../quickstart, which sets bin, data, dir, document, events, logs and workload.

live_rate=5000
live_at_most=50000
partitions=12

demo() {
  # Most events wait in the topic and show the speed; the others come one after the other and show the latency.
  live_events=$((events / 20 < live_at_most ? events / 20 : live_at_most))
  waiting_events=$((events - live_events))
  prepare
  catch_up
  live
  report
}

prepare() {
  step "a topic with $(grouped $waiting_events) events, a table, a pipeline file"
  rm -rf "$data"
  logged topic fill_topic
  query "DROP TABLE IF EXISTS $workload SYNC" >/dev/null &&
    query "$("$bin/penstock-generate" --print table --workload "$workload" --table "$workload")" >/dev/null ||
    die "step $step_number: ClickHouse did not make the table $workload; its log: $dir/stack/clickhouse"
  {
    echo "# From the topic $workload in Kafka to the table $workload in ClickHouse. Written by deploy/quickstart;"
    echo "# docs/pipeline-reference.md explains each field."
    "$bin/penstock-generate" --print pipeline --workload "$workload" --pipeline-id "quickstart-$workload" \
      --topic "$workload" --brokers "$PENSTOCK_KAFKA" --table "$workload" --max-delay 250ms \
      --clickhouse-host "$PENSTOCK_CLICKHOUSE_HOST" --clickhouse-port "$PENSTOCK_CLICKHOUSE_PORT" \
      --user "$PENSTOCK_CLICKHOUSE_USER" --password "$PENSTOCK_CLICKHOUSE_PASSWORD"
  } >"$document" && "$bin/penstock" validate "$document" >"$logs/validate.log" 2>&1 ||
    fail_step "pipeline file" "$logs/validate.log"
  say "pipeline file: $(shown "$document")"
}

generate() {
  "$bin/penstock-generate" --brokers "$PENSTOCK_KAFKA" --topic "$workload" --workload "$workload" "$@"
}

fill_topic() {
  generate --delete && generate --create --partitions $partitions --events "$waiting_events" --seed 1
}

catch_up() {
  step "the pipeline catches up"
  run_pipeline catch-up
}

live() {
  step "the pipeline while $(grouped "$live_events") events arrive, $(grouped $live_rate) a second"
  when_it_reads generate --events "$live_events" --rate $live_rate --seed 2 >"$logs/live.log" 2>&1 9>&- &
  step_child=$!
  run_pipeline live
  wait $step_child || fail_step "producing" "$logs/live.log"
  step_child=''
}

# when_it_reads COMMAND…: waits until the ingestor has all partitions. It runs as soon as it has nothing to do, for
# the 5 s after which the pipeline would end.
when_it_reads() {
  local port end=$((SECONDS + 60))
  until port=$(cat "$data/ports/ingestor-0" 2>/dev/null) &&
    curl -sf "http://127.0.0.1:$port/metrics" | grep -q "^penstock_kafka_assigned_partitions{.*} $partitions\$"; do
    [ $SECONDS -lt $end ] || { echo "the ingestor did not get its partitions within 60 s" && return 1; }
    sleep 0.1
  done
  "$@"
}

# run_pipeline NAME: to the end of what there is; live numbers on the terminal, the summary in logs and NAME.json.
run_pipeline() {
  local name=$1 limit_s=$((300 + events / 2000)) rc
  rm -f "$dir/$name.json"
  timeout --foreground $limit_s "$bin/penstock" run "$document" --data-dir "$data" --until-idle 5s \
    --stats-file "$dir/$name.json" >"$logs/$name.log" 9>&-
  rc=$?
  [ $rc != 124 ] || die "step $step_number: not everything arrived within $limit_s s; the stages' logs: $data/logs"
  [ $rc = 0 ] && grep -qs '"ended": "idle"' "$dir/$name.json" ||
    die "step $step_number: penstock run ended with $rc; see $logs/$name.log, and the stages' logs in $data/logs"
}

# A pipeline that was started by hand, and now shall end.
stop_pipeline() {
  local pid
  [ -e "$data/run.lock" ] && ! flock -n "$data/run.lock" true || return 0
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "^[^ ]*/penstock run .*$data"; then
      kill -TERM "$pid" && echo "quickstart: the pipeline (pid $pid) is finishing"
    fi
  done
  flock -w 60 "$data/run.lock" true || die "the pipeline that uses $data does not end"
}

query() {
  curl -sS --fail-with-body "http://$PENSTOCK_CLICKHOUSE_HOST:$PENSTOCK_CLICKHOUSE_PORT/?output_format_pretty_color=0" \
    -H "X-ClickHouse-User: $PENSTOCK_CLICKHOUSE_USER" -H "X-ClickHouse-Key: $PENSTOCK_CLICKHOUSE_PASSWORD" \
    --data-binary "$1"
}

# number FILE KEY: a number of a run's summary.
number() { sed -n "s/.*\"$2\": \([0-9.]*\).*/\1/p" "$dir/$1.json" | head -n 1; }

milliseconds() {
  local seconds
  seconds=$(number "$1" "$2")
  if [ -n "$seconds" ]; then printf '%.0f ms' "${seconds}e3"; else echo "unknown"; fi
}

# A path as the reader can use it from where they are.
shown() { realpath --no-symlinks --relative-base="$PWD" -- "$1"; }

# "ingestor 1.52 s, sink 0.80 s, …"
cpu_by_stage() {
  sed -n '/"stages"/,/\]/ s/.*"name": "\([^"]*\)".*"cpu_seconds": \([0-9.]*\),.*/\1 \2/p' "$dir/$1.json" |
    while read -r stage seconds; do printf '%s%s %.2f s' "${separator:-}" "$stage" "$seconds" && separator=', '; done
}

sample_columns() {
  case $workload in
    orders) echo "created_at, customer_name, country, items, total, currency, coupon" ;;
    users) echo "created_at, user_id, name, email" ;;
    logs) echo "timestamp, level, service, http_method, http_status, duration_ms, tags" ;;
  esac
}

report() {
  local rows distinct
  read -r rows distinct < <(query "SELECT count(), uniqExact(event_id) FROM $workload") ||
    die "ClickHouse cannot be asked for the rows of $workload; its log: $dir/stack/clickhouse"
  if [ "$rows" != "$events" ] || [ "$distinct" != "$events" ]; then
    echo "quickstart: FAILED: $rows rows and $distinct distinct ids in the table $workload, instead of $events each." >&2
    echo "    Dead letters: $(shown "$bin/penstock") dlq list $(shown "$document"). The stages' logs: $data/logs" >&2
    exit 1
  fi
  cat <<END

$(grouped "$rows") rows in the table $workload, $(grouped "$distinct") distinct ids: every event arrived, and none twice.

  speed     $(grouped "$(number catch-up rows_per_second)") events/s for the $(grouped "$waiting_events") that waited, on $(nproc) cores with Kafka and ClickHouse
  CPU       $(cpu_by_stage catch-up) for these
  latency   p50 $(milliseconds live latency_p50_seconds), p95 $(milliseconds live latency_p95_seconds) from Kafka's timestamp to the insert, at $(grouped $live_rate) events/s
            (blocks wait up to 250 ms for more rows: max_delay_time)

$(query "SELECT $(sample_columns) FROM $workload ORDER BY event_id LIMIT 3 FORMAT PrettyCompactMonoBlock")

How to go on
  look      curl -u $PENSTOCK_CLICKHOUSE_USER:$PENSTOCK_CLICKHOUSE_PASSWORD http://127.0.0.1:$PENSTOCK_CLICKHOUSE_PORT/ --data "SELECT count() FROM $workload"
  change    $(shown "$document"), then: $(shown "$bin/penstock") plan $(shown "$document")
  run       $(shown "$bin/penstock") run $(shown "$document") --data-dir $(shown "$data")
  produce   $(shown "$bin/penstock-generate") --brokers $PENSTOCK_KAFKA --topic $workload --workload $workload --events 1000000 --seed 3
  stop      $(shown "$repo/deploy/quickstart") stop       (or clean, which also removes the data)

All of it took $((SECONDS / 60)) min $((SECONDS % 60)) s. Another call makes topic, table and pipeline anew.
END
}
