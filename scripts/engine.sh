#!/usr/bin/env bash
# Fetches the pinned llama.cpp tree, builds the libraries Atelier links (ggml, llama, common, mtmd) and prints the prefix
# they were installed under. A prefix is keyed by source, options, compiler and processor, because the kernels are native.
#   scripts/engine.sh           build if needed, print the prefix
#   scripts/engine.sh installed PREFIX   use an installed llama.cpp: print a folder whose pkg-config file names it
#   scripts/engine.sh source    fetch if needed, print the folder of the llama.cpp tree
#   scripts/engine.sh peer      build llama-server, llama-bench and llama-batched-bench of the same tree, print their folder
source "$(dirname "$0")/common.sh"
exec 3>&1 1>&2   # progress goes to standard error, the answer to descriptor 3

requirements=$repository/scripts/engine.requirements
version=$(sed -n 's/^llama-cpp-python==\([^ ]*\).*/\1/p' "$requirements")
source_folder=$cache/engine-source-$version
tree=$source_folder/vendor/llama.cpp

fetch_source() {
  [ -e "$source_folder/.complete" ] && return
  say "fetching the llama.cpp source (llama-cpp-python $version, 77 MB)"
  local downloads=$cache/downloads partial=$source_folder.partial
  fetch_pinned "$requirements" "$downloads"
  rm -rf "$partial" "$source_folder"; mkdir -p "$partial"
  tar -xzf "$downloads/llama_cpp_python-$version.tar.gz" -C "$partial" --strip-components=1
  touch "$partial/.complete"
  mv "$partial" "$source_folder"
  rm -f "$downloads/llama_cpp_python-$version.tar.gz"
}

options=(
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  -DGGML_NATIVE=ON -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
  -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_MTMD=ON -DLLAMA_BUILD_UI=OFF
)
compiler_c=${ENGINE_CC:-gcc}
compiler_cxx=${ENGINE_CXX:-g++}

# ggml's kernels are compiled by the clang that comes with Swift: llama.cpp's inner products in intrinsics come out 3 % (one
# token) to 14 % (deep prompts) faster than from gcc 12, at two threads. The rest needs gcc, as that clang has no OpenMP
# runtime. ENGINE_KERNEL_CC= (empty) leaves all to gcc.
kernel_compiler() {
  local clang
  [ "$(uname -m)" = x86_64 ] || return 0
  clang=$(dirname "$(readlink -f "$(command -v swift)")" 2>/dev/null)/clang
  [ -x "$clang" ] || clang=$(command -v clang) || return 0
  if printf '#include <immintrin.h>\n#include <cmath>\n' | "$clang" -x c++ -std=gnu++17 -march=native -fopenmp -c -o /dev/null - 2>/dev/null; then
    printf '%s\n' "$clang"
  fi
}
kernel_cc=${ENGINE_KERNEL_CC-$(kernel_compiler)}

# Attention passes over cells of other sequences in a loop of a few instructions. Strength reduction gives it eight running
# addresses, which do not fit the registers; without it 8 and 16 streams gain 2 %. A flag of LLVM's own, hence the trial.
attention_flags() {
  local flags="-mllvm -disable-lsr"
  # shellcheck disable=SC2086
  if [ -n "$kernel_cc" ] && "$kernel_cc" $flags -x c -c -o /dev/null /dev/null 2>/dev/null; then printf '%s\n' "$flags"; fi
}
attention=$(attention_flags)

kernel_wrappers() { # folder in which `cc` and `c++` are made: gcc, but clang for the kernels
  mkdir -p "$1"
  # ggml-cpu.c starts the threads, and amx includes OpenMP's header.
  cat > "$1/cc" <<CC
#!/bin/sh
case "\$*" in
  */ggml-cpu/ggml-cpu.c*) exec "$compiler_c" "\$@" ;;
  */ggml-cpu/*) exec "$kernel_cc" "\$@" ;;
  *) exec "$compiler_c" "\$@" ;;
esac
CC
  cat > "$1/c++" <<CXX
#!/bin/sh
case "\$*" in
  */ggml-cpu/amx/*) exec "$compiler_cxx" "\$@" ;;
  */ggml-cpu/ops.cpp*) exec "$kernel_cc" --driver-mode=g++ $attention "\$@" ;;
  */ggml-cpu/*) exec "$kernel_cc" --driver-mode=g++ "\$@" ;;
  *) exec "$compiler_cxx" "\$@" ;;
esac
CXX
  chmod +x "$1/cc" "$1/c++"
}

key_of() { # words that name a build
  { printf '%s\n' "$version" "$@"
    "$compiler_cxx" --version | head -n 1
    grep -m 2 -E '^(model name|flags)' /proc/cpuinfo 2>/dev/null || uname -m
  } | sha256sum | cut -c1-16
}

configure() { # build folder, `kernels` when they have a compiler of their own, options
  local build=$1 cc=$compiler_c cxx=$compiler_cxx; shift
  if [ "$1" = kernels ]; then
    shift
    if [ -n "$kernel_cc" ]; then kernel_wrappers "$build/compilers"; cc=$build/compilers/cc cxx=$build/compilers/c++; fi
  fi
  CC=$cc CXX=$cxx cmake -S "$tree" -B "$build" -G Ninja -Wno-dev "$@" > "$build.log" 2>&1 \
    || { tail -n 30 "$build.log"; die "configuring the engine failed, see $build.log"; }
}

compile() { # build folder, targets
  local build=$1; shift
  # One line a second at most: ninja's own status, without a terminal's control codes when nobody watches.
  cmake --build "$build" --parallel "${ENGINE_JOBS:-$(nproc)}" --target "$@" 2>&1 | tee "$build.log" \
    | awk -v tty="$([ -t 2 ] && echo 1)" '/^\[[0-9]+\/[0-9]+\]/ { if (tty) { printf "\r\033[K%.100s", $0 } else if (++n % 40 == 1) print $1; fflush(); next } /error|FAILED/ { print }  END { if (tty) print "" }' \
    || { tail -n 40 "$build.log"; die "building the engine failed, see $build.log"; }
}

build_engine() {
  local prefix build
  prefix=$cache/engine-$version-$(key_of "layout 2" "$attention" "$([ -z "$kernel_cc" ] || "$kernel_cc" --version | head -n 1)" "${options[@]}")
  if [ ! -e "$prefix/.complete" ]; then
    need cmake cmake; need ninja ninja-build; need "$compiler_cxx" g++
    fetch_source
    build=$prefix.build
    say "building the engine (about four minutes on two cores; kept for next time)"
    mkdir -p "$build"
    configure "$build" kernels "${options[@]}" "-DCMAKE_INSTALL_PREFIX=$prefix"
    compile "$build" ggml llama llama-common mtmd
    rm -rf "$prefix"
    cmake --install "$build" >> "$build.log" 2>&1
    # llama.cpp installs neither common's headers nor the helper archives a static link needs.
    local headers=$prefix/include/llama-common
    mkdir -p "$headers/jinja" "$headers/nlohmann"
    cp "$tree"/common/*.h "$headers/"
    cp "$tree"/common/jinja/*.h "$headers/jinja/"
    cp "$tree"/vendor/nlohmann/*.hpp "$headers/nlohmann/"
    find "$build" -name 'lib*.a' -exec cp -n {} "$prefix/lib/" \;
    mkdir -p "$prefix/lib/pkgconfig"
    cat > "$prefix/lib/pkgconfig/atelier-engine.pc" <<'PC'
prefix=${pcfiledir}/../..
Name: atelier-engine
Description: llama.cpp with its common and mtmd libraries, linked statically
Version: VERSION
Cflags: -I${prefix}/include -I${prefix}/include/llama-common
Libs: -L${prefix}/lib -lmtmd -lllama-common -lllama-common-base -lcpp-httplib -lvendor-hash -lllama -lggml -lggml-cpu -lggml-base -lgomp -lstdc++ -lm -lpthread -ldl
PC
    sed -i "s/VERSION/$version/" "$prefix/lib/pkgconfig/atelier-engine.pc"
    touch "$prefix/.complete"
    rm -rf "$build" "$build.log"
  fi
  printf '%s\n' "$prefix" >&3
}

use_installed() { # a prefix that holds llama.cpp, its common library and mtmd
  local prefix=$1 description
  [ -n "$prefix" ] || die "usage: scripts/engine.sh installed PREFIX"
  if [ -e "$prefix/lib/pkgconfig/atelier-engine.pc" ]; then printf '%s\n' "$prefix" >&3; return; fi
  need pkg-config pkg-config
  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib64/pkgconfig:${PKG_CONFIG_PATH:-}
  pkg-config --exists llama || die "no llama.pc under $prefix (is llama.cpp installed there?)"
  for header in llama.h mtmd.h llama-common/chat.h; do
    [ -e "$prefix/include/$header" ] || die "$prefix/include/$header is missing: Atelier needs llama.cpp's common library and mtmd with their headers (scripts/engine.sh shows how they are installed)"
  done
  description=$cache/engine-installed-$(printf '%s' "$prefix" | sha256sum | cut -c1-16)
  mkdir -p "$description/lib/pkgconfig"
  cat > "$description/lib/pkgconfig/atelier-engine.pc" <<PC
Name: atelier-engine
Description: an installed llama.cpp with its common and mtmd libraries
Version: $(pkg-config --modversion llama)
Cflags: $(pkg-config --cflags-only-I llama) -I$prefix/include/llama-common
Libs: -L$prefix/lib -lmtmd -lllama-common $(pkg-config --libs llama) -lgomp -lstdc++ -lm -lpthread -ldl
PC
  printf '%s\n' "$description" >&3
}

build_peer() {
  local peer_options build prefix
  prefix=$(build_engine 3>&1 1>&2)
  peer_options=("${options[@]}" -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_TOOLS=ON)
  build=$cache/peer-$version-$(key_of "${prefix##*-}" "${peer_options[@]}")
  if [ ! -e "$build/.complete" ]; then
    need cmake cmake; need ninja ninja-build; need "$compiler_cxx" g++
    fetch_source
    say "building llama-server and llama-bench of the same tree (for comparison only)"
    mkdir -p "$build"
    configure "$build" "${peer_options[@]}"
    compile "$build" llama-server
    # The server is the one that llama.cpp's own instructions give. What it is measured against besides, the engine's ceiling,
    # is that of the kernels that Atelier links.
    compile "$build" llama-bench llama-batched-bench
    cp "$prefix/lib/libggml-cpu.a" "$build/ggml/src/"
    compile "$build" llama-bench llama-batched-bench
    touch "$build/.complete"
  fi
  printf '%s\n' "$build/bin" >&3
}

case ${1:-build} in
  build) build_engine ;;
  source) fetch_source; printf '%s\n' "$tree" >&3 ;;
  peer) build_peer ;;
  installed) use_installed "${2:-}" ;;
  *) die "usage: scripts/engine.sh [build|installed PREFIX|source|peer]" ;;
esac
