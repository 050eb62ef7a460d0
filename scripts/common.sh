# Shared by the scripts of this folder: where caches lie, how tools are installed, how a pinned package is fetched.
# shellcheck shell=bash
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ATELIER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/atelier}
mkdir -p "$cache"

say() { printf 'atelier: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# need PROGRAM PACKAGE...: installs Debian packages for a missing program when root, says which when not.
need() {
  local program=$1; shift
  command -v "$program" >/dev/null 2>&1 && return 0
  install_packages "$@" || die "'$program' is missing. Install it with: sudo apt-get install $*"
}

install_packages() {
  command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || return 1
  say "installing $*"
  if [ ! -e "$cache/.apt-updated" ] || [ -z "$(find "$cache/.apt-updated" -mmin -720 2>/dev/null)" ]; then
    apt-get update -qq >&2 && touch "$cache/.apt-updated"
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# python_environment DIR REQUIREMENTS-FILE: a virtual environment that holds exactly those wheels.
python_environment() {
  local folder=$1 requirements=$2 stamp
  stamp=$(sha256sum "$requirements" | cut -c1-16)
  [ -e "$folder/.ready-$stamp" ] && return 0
  need python3 python3 python3-venv
  python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv || die "Python's venv is missing. Install it with: sudo apt-get install python3-venv"
  say "making the Python environment $(basename "$folder")"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  touch "$folder/.ready-$stamp"
}

# fetch_pinned REQUIREMENT-FILE FOLDER: pip checks the hashes written in the file; nothing is installed.
fetch_pinned() {
  local requirements=$1 folder=$2 python
  need python3 python3 python3-venv
  if python3 -m pip --version >/dev/null 2>&1; then
    python=python3
  else
    printf '' > "$cache/no-requirements.txt"
    python_environment "$cache/pip" "$cache/no-requirements.txt"
    python=$cache/pip/bin/python
  fi
  mkdir -p "$folder"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements" -d "$folder"
}
