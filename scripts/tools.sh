#!/usr/bin/env bash
# Checks for the system tools a build needs; installs missing Debian packages when root, names them when not.
source "$(dirname "$0")/common.sh"

command -v swift >/dev/null 2>&1 || die "Swift is missing. Install Swift 6.2 or later from swift.org/install"
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
[ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" = 6.2 ] || die "Swift $version is too old: 6.2 or later is needed"

packages=()
command -v g++ >/dev/null 2>&1 || packages+=(g++)
command -v pkg-config >/dev/null 2>&1 || packages+=(pkg-config)
command -v cmake >/dev/null 2>&1 || packages+=(cmake)
command -v ninja >/dev/null 2>&1 || packages+=(ninja-build)
command -v python3 >/dev/null 2>&1 || packages+=(python3 python3-venv)
printf '#include <sqlite3.h>\n' | cc -E - >/dev/null 2>&1 || packages+=(libsqlite3-dev)
printf '#include <png.h>\n' | cc -E - >/dev/null 2>&1 || packages+=(libpng-dev)
printf '#include <stdio.h>\n#include <jpeglib.h>\n' | cc -E - >/dev/null 2>&1 || packages+=(libjpeg62-turbo-dev)
printf '#include <webp/decode.h>\n' | cc -E - >/dev/null 2>&1 || packages+=(libwebp-dev)
[ ${#packages[@]} -eq 0 ] && exit 0
install_packages "${packages[@]}" || die "missing tools. Install them with: sudo apt-get install ${packages[*]}"
