# Steps with numbers, progress and logs. Sourced by ../quickstart, which sets `logs`.

steps=6
step_number=0
step_child=''

die() {
  echo "quickstart: $*" >&2
  exit 1
}

die_usage() {
  echo "quickstart: $*; deploy/quickstart --help tells all" >&2
  exit 2
}

step() {
  step_number=$((step_number + 1))
  printf '\n[%d/%d] %s\n' $step_number $steps "$*"
}

say() { printf '      %s\n' "$*"; }

# grouped NUMBER: 1234567 → 1,234,567
grouped() { sed ':a; s/\B[0-9]\{3\}\>/,&/; ta' <<<"${1%.*}"; }

# Behind a background job the shell does not pass Ctrl-C on.
end_child() {
  [ -z "$step_child" ] || kill "$step_child" 2>/dev/null
  wait
}
trap 'end_child; exit 130' INT
trap 'end_child; exit 143' TERM

# logged NAME COMMAND…: its output goes to $logs/NAME.log; the terminal sees the last line of it. A failure shows
# the end of the log, and ends the quickstart.
logged() {
  local name=$1 log=$logs/$1.log began=$SECONDS rc shown=$SECONDS
  shift
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  step_child=$!
  while kill -0 $step_child 2>/dev/null; do
    sleep 0.2
    if [ -t 1 ]; then
      printf '\r\033[K      %d s  %s' $((SECONDS - began)) "$(last_line "$log" 60)"
    elif [ $((SECONDS - shown)) -ge 30 ]; then
      shown=$SECONDS
      say "$((SECONDS - began)) s  $(last_line "$log" 90)"
    fi
  done
  wait $step_child
  rc=$?
  step_child=''
  [ ! -t 1 ] || printf '\r\033[K'
  [ $rc = 0 ] || fail_step "$name" "$log"
  say "done in $((SECONDS - began)) s"
}

last_line() { tail -c 2000 "$1" | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | tr -d '\033' | cut -c "1-$2"; }

fail_step() {
  {
    echo "quickstart: step $step_number ($1) failed; the end of $2:"
    tail -n 15 "$2" | cut -c 1-300 | sed 's/^/    /'
  } >&2
  exit 1
}
