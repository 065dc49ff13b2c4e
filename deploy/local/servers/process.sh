# Starting, watching and ending one server, sourced by ../stack. For a server S, S.sh defines:
#   S_ports    every port it listens on, the clients' first
#   S_fetch    makes sure that its program is there
#   S_prepare  writes its configuration into $dir/S and sets the array `run` to its command line
#   S_answers  succeeds when it does real work for a client

start_limit_s=120
stop_limit_s=30

die() {
  echo "stack: $*" >&2
  exit 1
}

die_usage() {
  echo "stack: $*; 'stack help' tells all" >&2
  exit 2
}

log_of() { echo "$dir/$1/$1.log"; }

# need COMMAND PACKAGE: the program must be there.
need() {
  command -v "$1" >/dev/null || die "the program '$1' is missing: run deploy/packages servers (Debian package $2)"
}

# runs SERVER: succeeds when the process of its pid file lives, and sets pid and running_port. A pid alone
# proves nothing, another process may have it by now: start time and boot must be those that were recorded.
runs() {
  local start boot
  pid='' running_port=''
  [ -f "$dir/$1/$1.pid" ] || return 1
  read -r pid start boot running_port <"$dir/$1/$1.pid" || return 1
  [ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] && read_process "$pid" && [ "$process_start" = "$start" ]
}

# read_process PID: sets process_start (in clock ticks since boot); fails when the process is gone or a zombie.
read_process() {
  local line fields
  { line=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra fields <<<"${line##*) }"
  [[ ${fields[0]} != [ZX] ]] || return 1
  process_start=${fields[19]}
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ports_closed SERVER: nobody listens on its ports; else sets open_port.
ports_closed() {
  for open_port in $("$1_ports"); do ! port_open "$open_port" || return 1; done
}

# A server that was just killed may hold its port for a moment.
wait_until_closed() {
  local try
  for try in {1..30}; do
    ports_closed "$1" && return
    sleep 0.1
  done
  return 1
}

# ask PORT REQUEST READER…: sends REQUEST (escapes as for echo -e) and lets the command READER read the answer.
ask() {
  # shellcheck disable=SC2016
  timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf %b "$1" >&3 && shift && "$@" <&3' "$@" 2>/dev/null
}

start_server() {
  local server=$1 began=$SECONDS home=$dir/$1
  mkdir -p "$home" || die "cannot create the folder $home"
  exec 9>"$home/.lock"
  flock -w 600 9 || die "$server: another call has been starting it for 10 minutes ($home/.lock)"
  if runs "$server" && wait_until_answers "$server"; then
    echo "$server: runs already, 127.0.0.1:$running_port, pid $pid"
    return
  fi
  rm -f "$home/$server.pid"
  "${server}_fetch" || exit 1
  wait_until_closed "$server" ||
    die "$server: port $open_port is taken by another process; choose another with --$server-port N or --free-ports"
  "${server}_prepare" || exit 1
  launch "$server" "${run[@]}"
  wait_until_answers "$server" || fail_start "$server" "ended while starting"
  echo "$server: up after $((SECONDS - began)) s, 127.0.0.1:$running_port, pid $pid"
}

# launch SERVER COMMAND…: runs it as a process of its own session and writes the pid file.
launch() {
  local server=$1 log keep_bytes=10485760
  log=$(log_of "$server")
  shift
  [ ! -f "$log" ] || [ "$(stat -c %s "$log")" -lt $keep_bytes ] || mv "$log" "$log.1"
  echo "--- $(date -u +%FT%TZ) stack starts $server" >>"$log"
  (
    cd "$dir/$server" || exit 1
    ulimit -n "$(ulimit -Hn)"
    # Nothing of the caller's may stay open: not our locks, not a test's pipes and sockets.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    exec setsid "$@" </dev/null >>"$log" 2>&1
  ) &
  pid=$!
  running_port=$(setting_port "$server")
  read_process $pid || process_start=gone
  echo "$pid $process_start $(</proc/sys/kernel/random/boot_id) $running_port" >"$dir/$server/$server.pid.new"
  mv "$dir/$server/$server.pid.new" "$dir/$server/$server.pid"
}

# Fails when the process ended.
wait_until_answers() {
  local server=$1 end=$((SECONDS + start_limit_s))
  until "${server}_answers"; do
    runs "$server" || return 1
    [ $SECONDS -lt $end ] || fail_start "$server" "runs (pid $pid) but did not answer within $start_limit_s s"
    sleep 0.1
  done
  # Somebody else's server on the same port would answer too.
  runs "$server"
}

fail_start() {
  {
    echo "stack: $1 $2; the end of $(log_of "$1"):"
    tail -n 15 "$(log_of "$1")" | cut -c 1-400 | sed 's/^/    /'
  } >&2
  exit 1
}

stop_server() { end_server "$1" TERM stopped; }

kill_server() { end_server "$1" KILL "killed (-9)"; }

end_server() {
  local server=$1 signal=$2 outcome=$3
  if ! runs "$server"; then
    rm -f "$dir/$server/$server.pid"
    echo "$server: does not run"
    return
  fi
  kill "-$signal" "$pid" 2>/dev/null
  if ! wait_until_gone "$server" && [ "$signal" = TERM ]; then
    echo "stack: $server did not stop within $stop_limit_s s and is killed; see $(log_of "$server")" >&2
    kill -KILL "$pid" 2>/dev/null
    wait_until_gone "$server"
  fi
  ! runs "$server" || die "$server: pid $pid does not go, even after kill -9"
  rm -f "$dir/$server/$server.pid"
  echo "$server: $outcome"
}

# A server is gone when its process is and its port is closed: threads may outlive the main one for a moment.
wait_until_gone() {
  local end=$((SECONDS + stop_limit_s)) port
  runs "$1"
  port=$running_port
  while runs "$1" || port_open "$port"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

# fetch_once NAME FUNCTION: makes $deps/NAME by FUNCTION FOLDER, once for all stacks and callers. FOLDER is
# renamed to NAME after success, so a download that broke off leaves nothing that looks complete.
fetch_once() {
  local target=$deps/$1 function=$2 log=$deps/$1.log attempt
  [ ! -e "$target" ] || return 0
  mkdir -p "$deps" || die "cannot create the folder $deps"
  exec 8>"$deps/.$1.lock"
  flock 8
  for attempt in 1 2 3; do
    [ ! -e "$target" ] || break
    [ "$attempt" = 1 ] || sleep 5
    rm -rf "$target.part"
    mkdir "$target.part" && "$function" "$target.part" </dev/null >"$log" 2>&1 && mv "$target.part" "$target"
  done
  exec 8>&-
  [ ! -e "$target" ] || return 0
  {
    echo "stack: could not make $target in 3 attempts; the end of $log:"
    tail -n 8 "$log" | cut -c 1-400 | sed 's/^/    /'
  } >&2
  return 1
}
