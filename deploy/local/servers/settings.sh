# Settings of a stack, sourced by ../stack. Strongest first: an option, the environment (PENSTOCK_STACK_<NAME>),
# what the folder remembers from earlier calls (stack.conf), the default.
declare -A defaults=(
  [KAFKA_PORT]=19092
  [KAFKA_HEAP]="-Xms256m -Xmx1g"
  [KAFKA_SET]=""
  [NATS_PORT]=14222
  [NATS_MAX_PAYLOAD]=8MB
  [NATS_MAX_FILE_STORE]=""
  [CLICKHOUSE_PORT]=18123
  [CLICKHOUSE_PASSWORD]=secret
  [CLICKHOUSE_MAX_MEMORY]=4294967296
)
declare -A remembered=()

# remember_option --kafka-port VALUE: notes the setting KAFKA_PORT.
remember_option() {
  local name=${1%%=*}
  name=${name#--} name=${name//-/_} name=${name^^}
  [ -n "${defaults[$name]+set}" ] || die_usage "unknown option '${1%%=*}'"
  given[$name]=$2
}

load_settings() {
  local name from_environment
  remembered=()
  # The file holds one assignment, remembered=([NAME]=value …), written by settle_settings.
  # shellcheck source=/dev/null
  [ ! -f "$dir/stack.conf" ] || source "$dir/stack.conf"
  for name in "${!defaults[@]}"; do
    from_environment=PENSTOCK_STACK_$name
    [ -n "${given[$name]+set}" ] || [ -z "${!from_environment:-}" ] || given[$name]=${!from_environment}
    [ -z "${given[$name]+set}" ] || remembered[$name]=${given[$name]}
    printf -v "$name" %s "${remembered[$name]-${defaults[$name]}}"
  done
  check_settings
}

check_settings() {
  local server port
  for server in "${servers[@]}"; do
    port=$(setting_port "$server")
    { [[ $port =~ ^[1-9][0-9]{3,4}$ ]] && [ "$port" -ge 1024 ] && [ "$port" -le 65534 ]; } ||
      die_usage "--$server-port: '$port' is not a port between 1024 and 65534"
  done
  ports_differ || die_usage "two servers cannot share a port: $(all_ports | tr '\n' ' ')(Kafka takes its port and the next)"
  [[ $CLICKHOUSE_MAX_MEMORY =~ ^[0-9]+$ ]] ||
    die_usage "--clickhouse-max-memory: '$CLICKHOUSE_MAX_MEMORY' is not a number of bytes"
  [[ $CLICKHOUSE_PASSWORD != *[[:space:]\\]* ]] ||
    die_usage "--clickhouse-password: blanks and backslashes are not supported"
}

setting_port() {
  local name=${1^^}_PORT
  echo "${!name}"
}

all_ports() {
  local server
  for server in "${servers[@]}"; do "${server}_ports"; done
}

ports_differ() { [ -z "$(all_ports | sort | uniq -d)" ]; }

# What the servers about to start shall use: read, completed and written under a lock, so that calls at the same
# time agree.
settle_settings() {
  local server
  mkdir -p "$dir" || die "cannot create the folder $dir"
  exec 7>"$dir/.lock"
  flock 7
  load_settings
  [ -z "$free_ports" ] || choose_free_ports
  for server in "${chosen[@]}"; do
    ! runs "$server" || [ "$running_port" = "$(setting_port "$server")" ] ||
      die "$server runs on port $running_port already; to move it: stack restart $server --$server-port …"
  done
  [ -n "$NATS_MAX_FILE_STORE" ] || NATS_MAX_FILE_STORE=$(nats_default_file_store)
  remembered[NATS_MAX_FILE_STORE]=$NATS_MAX_FILE_STORE
  { declare -p remembered | sed '1s/^declare -A //' >"$dir/stack.conf.new" &&
    mv "$dir/stack.conf.new" "$dir/stack.conf"; } || die "cannot write $dir/stack.conf"
  exec 7>&-
}

choose_free_ports() {
  local server name
  for server in "${servers[@]}"; do
    name=${server^^}_PORT
    [ -z "${given[$name]+set}" ] || continue
    runs "$server" && continue
    [ -n "${remembered[$name]+set}" ] && ports_closed "$server" && continue
    choose_free_port "$server"
    remembered[$name]=${!name}
  done
}

# From 32768 up the system hands ports to clients of its own accord, so a free one may not stay free.
choose_free_port() {
  local server=$1 try
  for try in {1..200}; do
    printf -v "${server^^}_PORT" %s $((20000 + RANDOM % 12000))
    ports_differ && ports_closed "$server" && return
  done
  die "found no free port for $server between 20000 and 32000 in $try tries"
}
