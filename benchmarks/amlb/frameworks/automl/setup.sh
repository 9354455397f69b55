#!/usr/bin/env bash
# Arguments: version ("stable", "latest" or a number), repository, package.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VERSION=${1:-stable}
REPO=${2:-}
PKG=${3:-pluggable-automl}

# Makes the environment under HERE and defines PIP and PY.
. "${HERE}/../shared/setup.sh" "${HERE}" true

case "$VERSION" in
    stable) PIP install --upgrade "$PKG" ;;
    [0-9]*) PIP install "${PKG}==${VERSION}" ;;
    *) PIP install "${PKG} @ git+${REPO}" ;;
esac

PY -c "import automl; print(automl.__version__)" >> "${HERE}/.setup/installed"
