#!/bin/sh
# Makes a virtual environment with pelton (editable) and everything its tests and demo need.
# Usage: sh tools/setup.sh FOLDER
set -eu
folder=$1

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for candidate in python3 python3.11 python3.12 python3.13 python3.14; do
    if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "pelton needs Python 3.11 or later with its venv module (Debian: apt-get install python3-venv)" >&2
    exit 1
fi

echo "setting up $folder with $("$python" --version) ..." >&2
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable '.[dev]'
