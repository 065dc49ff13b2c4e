# ClickHouse, HTTP only: the library libchdb.so holds the whole server, clickhouse-launcher.c starts it.
# Sourced by ../stack.
clickhouse_version=26.7.3-stable.1
clickhouse_user=pipe

clickhouse_ports() { echo "$CLICKHOUSE_PORT"; }

clickhouse_library() { echo "$deps/chdb-$clickhouse_version/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"; }

# Named after its source, so that a changed source is compiled anew.
clickhouse_launcher() { echo "launcher-$(sha256sum "$here/servers/clickhouse-launcher.c" | cut -c 1-12)"; }

clickhouse_fetch() {
  if [ ! -e "$deps/chdb-$clickhouse_version" ]; then
    [ "$(uname -m)" = x86_64 ] || die "clickhouse: the library is built for x86_64 only, and this is $(uname -m)"
    need npm npm
    echo "clickhouse: fetching ClickHouse $clickhouse_version with npm (540 MB) into $deps/chdb-$clickhouse_version"
    fetch_once "chdb-$clickhouse_version" clickhouse_download || return 1
  fi
  [ -e "$deps/$(clickhouse_launcher)" ] || need gcc gcc
  fetch_once "$(clickhouse_launcher)" clickhouse_compile
}

clickhouse_download() {
  npm install --no-save --no-audit --no-fund --no-package-lock --ignore-scripts --prefix "$1" \
    "@chdb/lib-linux-x64-gnu@$clickhouse_version" && ls "$1/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
}

clickhouse_compile() {
  gcc -O1 -Wall -Wextra -o "$1/penstock-clickhouse" "$here/servers/clickhouse-launcher.c" -ldl
}

clickhouse_prepare() {
  local home=$dir/clickhouse query
  clickhouse_config >"$home/config.xml"
  clickhouse_users >"$home/users.xml"
  # The library is clickhouse-local: it serves as long as its query runs.
  query="SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM numbers(1000000000)
    SETTINGS function_sleep_max_microseconds_per_block = 0, max_block_size = 1 FORMAT Null"
  run=(env "CHDB_LIBRARY=$(clickhouse_library)" "$deps/$(clickhouse_launcher)/penstock-clickhouse"
    "--config-file=$home/config.xml" "--path=$home/data" --listen_host=127.0.0.1 --log-level=warning
    "--query=$query" -- "--http_port=$CLICKHOUSE_PORT")
}

clickhouse_config() {
  cat <<END
<clickhouse>
  <users_config>$dir/clickhouse/users.xml</users_config>
  <max_server_memory_usage>$CLICKHOUSE_MAX_MEMORY</max_server_memory_usage>
  <mark_cache_size>536870912</mark_cache_size>
  <logger><log>$dir/clickhouse/server.log</log><size>50M</size><count>2</count></logger>
</clickhouse>
END
}

# Users can be changed here only: the library has no writable place for CREATE USER.
clickhouse_users() {
  local networks='<networks><ip>127.0.0.1</ip></networks>' profile='<profile>default</profile><quota>default</quota>'
  cat <<END
<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default><password></password>$networks$profile</default>
    <$clickhouse_user><password>$(xml_escape "$CLICKHOUSE_PASSWORD")</password>$networks$profile</$clickhouse_user>
  </users>
</clickhouse>
END
}

xml_escape() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' <<<"$1"; }

# Asked as the user whose password `env` prints.
clickhouse_answers() {
  local request="GET /?query=SELECT+41%2B1 HTTP/1.0\r\nX-ClickHouse-User: $clickhouse_user\r\n"
  request+="X-ClickHouse-Key: $CLICKHOUSE_PASSWORD\r\n\r\n"
  [ "$(ask "$CLICKHOUSE_PORT" "$request" cat | tail -n 1)" = 42 ]
}
