#!/usr/bin/env bash
# A soak of the release binaries: mixed traffic for some minutes, with figures. Arguments go to Tests/EndToEnd/soak.py.
source "$(dirname "$0")/common.sh"
cd "$repository"
model=$(scripts/model.sh)
python_environment "$cache/e2e-python" Tests/EndToEnd/requirements.txt
export ATELIER_TEST_MODEL=$model ATELIER_BIN=${ATELIER_BIN:-$repository/.build/release}
export PYTHONDONTWRITEBYTECODE=1
exec "$cache/e2e-python/bin/python" Tests/EndToEnd/soak.py "$@"
