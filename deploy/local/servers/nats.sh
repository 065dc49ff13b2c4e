# nats-server with JetStream in a file store. Sourced by ../stack.

nats_ports() { echo "$NATS_PORT"; }

nats_fetch() {
  # Debian puts it into /usr/sbin, which is not on every user's path.
  nats_program=$(PATH=$PATH:/usr/sbin:/usr/local/sbin && command -v nats-server) ||
    die "the program 'nats-server' is missing: run deploy/packages servers (Debian package nats-server)"
}

# Remembered from the first start on: a limit that shrank with the free disk would make the server refuse
# the streams that it has. A tenth stays for the other servers.
nats_default_file_store() {
  local free_mb limit_mb=61440
  free_mb=$(($(df --output=avail -B1M "$dir" | tail -n 1) * 9 / 10))
  [ $free_mb -gt $limit_mb ] || limit_mb=$free_mb
  echo "${limit_mb}MB"
}

nats_prepare() {
  cat >"$dir/nats/nats.conf" <<END
listen: "127.0.0.1:$NATS_PORT"
server_name: "stack-$NATS_PORT"
max_payload: $NATS_MAX_PAYLOAD
max_pending: 128MB
write_deadline: "30s"
jetstream {
  store_dir: "$dir/nats/data"
  max_file_store: $NATS_MAX_FILE_STORE
  max_memory_store: 1GB
}
END
  run=(env GOMEMLIMIT=1GiB "$nats_program" -c "$dir/nats/nats.conf")
}

# JetStream opens its streams before it takes requests, so an answer of its interface means that all are there.
nats_answers() {
  # shellcheck disable=SC2016
  local answer request='CONNECT {"verbose":false}\r\nSUB stack 1\r\nPUB $JS.API.INFO stack 0\r\n\r\n'
  answer=$(ask "$NATS_PORT" "$request" head -n 3) && [[ $answer == *account_info_response* && $answer != *'"error"'* ]]
}
