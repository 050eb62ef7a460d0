#!/usr/bin/env bash
# Benchmarks against llama-server of the same tree (Benchmarks/bench.py). Variables:
#   WORKLOAD  names or beginnings of names, separated by commas (default: all); ROUNDS (default 5); SEED
#   PEER      none, or a folder that holds llama-server, llama-bench and llama-batched-bench (default: built here)
#   MODEL     a GGUF file that takes SmolLM2's place
#   BOOST     no: share the processor fairly with everything else, for trying a workload out
#   SUBJECT   peer measures llama-server against itself, which shows the machine's noise
source "$(dirname "$0")/common.sh"
cd "$repository"

arguments=(--workload "${WORKLOAD:-}" --rounds "${ROUNDS:-5}" --seed "${SEED:-1}" --subject "${SUBJECT:-atelier}")
needed=$(python3 Benchmarks/bench.py "${arguments[@]}" --list)
case ${PEER:-} in
  none) ;;
  '') arguments+=(--peer "$(scripts/engine.sh peer)") ;;
  *) arguments+=(--peer "$PEER") ;;
esac
[ -z "${MODEL:-}" ] || arguments+=(--model "$MODEL")
for model in $needed; do
  case $model in
    smollm2) arguments+=(--smollm2 "$(scripts/model.sh)") ;;
    *) arguments+=("--$model" "$(scripts/test-models.sh "$model")") ;;
  esac
done
say "building the load client"
swift build -c release --package-path Benchmarks >&2
command=(python3 Benchmarks/bench.py "${arguments[@]}" --atelier "${ATELIER_BIN:-.build/release}")

# Other processes ruin figures on few cores: where the kernel shares cores out by session and lets us, servers and client
# get one session with the greatest weight.
if [ "${BOOST:-yes}" = yes ] && [ "$(id -u)" = 0 ] && [ -w /proc/self/autogroup ]; then
  setsid bash -c 'echo -20 > /proc/self/autogroup; exec nice -n -20 "$@"' _ "${command[@]}" &
  child=$!
  trap 'kill -TERM "$child" 2>/dev/null' INT TERM   # the terminal's signals do not reach another session
  status=0
  wait "$child" || status=$?
  trap - INT TERM
  wait "$child" 2>/dev/null || true   # a signal ends the first wait before the servers have ended
  exit "$status"
fi
exec "${command[@]}"
