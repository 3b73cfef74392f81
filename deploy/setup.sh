#!/usr/bin/env bash
# deploy/setup.sh run|test|fuzz
#
# Makes .venv in the checkout and installs what is missing: for `run` what the agent needs, for
# `test` also what lint, types, tests and the host tests need, for `fuzz` atheris. As root on Debian
# or Ubuntu it installs packages of the distribution too; elsewhere it says what to install and goes
# on, since every one of them is optional: the agent says at run time what it goes without.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?usage: deploy/setup.sh run|test|fuzz}

# Probes: bcc, with libbpf and bpftool. busybox-static: the demo's image is made of it.
packages=(python3-venv python3-bpfcc libbpf1 bpftool busybox-static)
# A compiler, and the headers of the Python that is there: for the log path's compiled loop.
packages+=(
    $(command -v gcc >/dev/null || echo gcc libc6-dev)
    $(python3 -c 'import os, sysconfig as s; print(s.get_path("include") + "/Python.h")' \
        2>/dev/null | xargs -r test -e || echo libpython3-dev)
)
if [ "$what" = test ]; then
    # Runtimes, servers and tools the host tests start. Those found on PATH are not installed again.
    packages+=(
        $(command -v dockerd >/dev/null || echo docker.io)
        $(command -v containerd >/dev/null || echo containerd)
        $(command -v podman >/dev/null || echo podman)
        $(command -v crun >/dev/null || echo crun)
        $(command -v runc >/dev/null || echo runc)
        $(command -v prometheus >/dev/null || echo prometheus)
        $(command -v javac >/dev/null || echo default-jdk-headless)
        $(command -v mvn >/dev/null || echo maven)
        $(command -v node >/dev/null || echo nodejs npm)
        $(command -v systemd-analyze >/dev/null || echo systemd)
        $(command -v mmdebstrap >/dev/null || echo mmdebstrap)
        $(command -v chromedriver >/dev/null || echo chromium chromium-driver)
        clang-14 llvm-14 iproute2 systemd-journal-remote
    )
fi

install_packages() {
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || {
        echo "setup: not Debian or Ubuntu; for probes and the demo install: ${packages[*]}" >&2
        return
    }
    local missing=() name
    for name in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "setup: not root, going on without: ${missing[*]}" >&2
        return
    fi
    echo "setup: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || echo "setup: apt-get update failed, trying with the lists there are" >&2
    # One by one where together does not work: one that is not to be had must not cost the others.
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        for name in "${missing[@]}"; do
            apt-get install -y -qq --no-install-recommends "$name" >/dev/null ||
                echo "setup: could not install $name, going on without it" >&2
        done
}

make_venv() {
    local python
    for python in python3 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null && break
        python=
    done
    [ -n "$python" ] || { echo "setup: needs Python 3.11 or later with venv" >&2; exit 1; }
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    local run=(deploy/requirements/build.txt deploy/requirements/run.txt) locks
    locks=("${run[@]}")
    [ "$what" = run ] || locks+=(deploy/requirements/dev.txt)
    grep -qsx "$(stamp "${locks[@]}")" .venv/installed && return
    # Twice quiet: setuptools warns of what every editable installation is.
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
        "${locks[@]/#/--requirement=}"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps \
        --no-build-isolation --editable .
    # What is enough to test is enough to run.
    { stamp "${run[@]}"; stamp "${locks[@]}"; } >>.venv/installed
}

stamp() {
    # The compiled loop is built by the installation: again where it changed, or can be built now.
    { cat pyproject.toml exporters/fluentd/_blocks.c exporters/fluentd/_lines.h "$@"; command -v gcc || true; } |
        sha256sum | cut -d' ' -f1
}

# Fuzzing has a venv of its own: what it needs is of no use to anything else.
make_fuzz_venv() {
    local lock=deploy/requirements/fuzz.txt
    cmp -s "$lock" .venv-fuzz/installed && return
    [ -x .venv-fuzz/bin/python ] || .venv/bin/python -m venv .venv-fuzz
    .venv-fuzz/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
        --requirement="$lock"
    cp "$lock" .venv-fuzz/installed
}

install_packages
make_venv
if [ "$what" = fuzz ]; then
    make_fuzz_venv
fi
