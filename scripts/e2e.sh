#!/usr/bin/env bash
# End-to-end tests: pytest drives the release binaries with the real model and the official SDKs, in a Python environment
# of its own and with data folders that are thrown away.
source "$(dirname "$0")/common.sh"
cd "$repository"
model=$(scripts/model.sh)
python_environment "$cache/e2e-python" Tests/EndToEnd/requirements.txt
# Clients that the tests run as they are: an old major of the official SDKs; the newest one, with agent frameworks.
python_environment "$cache/e2e-old-sdks" Tests/EndToEnd/clients/old.requirements
python_environment "$cache/e2e-frameworks" Tests/EndToEnd/clients/frameworks.requirements
export ATELIER_TEST_OLD_SDKS=$cache/e2e-old-sdks/bin/python ATELIER_TEST_FRAMEWORKS=$cache/e2e-frameworks/bin/python
export ATELIER_TEST_MODEL=$model ATELIER_BIN=${ATELIER_BIN:-$repository/.build/release}
export PYTHONDONTWRITEBYTECODE=1
exec "$cache/e2e-python/bin/python" -m pytest -q -p no:cacheprovider Tests/EndToEnd "$@"
