#!/bin/sh
# Makes a base image from this machine's own Debian Python, without pulling anything.
#
#   deploy/docker/local-base.sh [TAG]        default: container-agent-base:local
#
# For building and testing the image on a machine without a registry. It holds the installed files
# of python3-venv, of libbpf1 (for the probes) where that is installed, and of all they depend on: no
# shell, no package manager, no documentation. Takes seconds. The tar is kept in ${XDG_CACHE_HOME:-~/.cache}/container-agent, one per set of package
# versions. Needs: dpkg, python3-venv installed, docker.
set -eu

tag=${1:-container-agent-base:local}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/container-agent

if ! dpkg-query -W -f='${Status}' python3-venv 2>/dev/null | grep -q 'ok installed'; then
    echo "local-base.sh: the Debian package python3-venv is not installed" >&2
    exit 1
fi

# python3-venv and what it depends on, one package a line. An alternative counts where installed.
packages=$(
    dpkg-query -W -f='${Package}|${Pre-Depends},${Depends}\n' | awk -F'|' '
        {
            name = $1
            depends = $0
            sub(/^[^|]*\|/, "", depends)
            gsub(/\([^)]*\)|:[a-z0-9]+| /, "", depends)
            gsub(/\|/, ",", depends)
            needs[name] = depends
        }
        END {
            todo[1] = "base-files"; todo[2] = "python3-venv"; todo[3] = "libbpf1"; last = 3
            for (i = 1; i <= last; i++) {
                if (seen[todo[i]]++ || !(todo[i] in needs)) continue
                print todo[i]
                n = split(needs[todo[i]], found, ",")
                for (j = 1; j <= n; j++) todo[++last] = found[j]
            }
        }' | sort
)

# shellcheck disable=SC2086 # one argument per package
versions=$(dpkg-query -W -f='${Package}=${Version}\n' $packages)
tar=$cache/base-$(printf '%s\n' "$versions" | cat - "$0" | sha256sum | cut -c1-16).tar

if [ ! -e "$tar" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/making.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # Packages write /lib/x; the files are in /usr/lib/x, where the link points that is made below.
    # shellcheck disable=SC2086
    dpkg-query -L $packages |
        grep -vE '^/usr/share/(doc|man|locale|info|lintian|bug|pixmaps|applications|bash-completion)(/|$)' |
        sed -E 's#^/(bin|sbin|lib|lib64)(/|$)#/usr/\1\2#' |
        sort -u |
        while IFS= read -r path; do
            if [ -L "$path" ] || [ -f "$path" ]; then echo ".$path"; fi
        done >"$work/files"
    mkdir -p "$work/root/etc" "$work/root/tmp" "$work/root/proc" "$work/root/sys"
    chmod 1777 "$work/root/tmp"
    for link in bin sbin lib lib64; do ln -s "usr/$link" "$work/root/$link"; done
    echo 'root:x:0:0:root:/root:/usr/sbin/nologin' >"$work/root/etc/passwd"
    echo 'root:x:0:' >"$work/root/etc/group"
    tar -C "$work/root" --numeric-owner --owner=0 --group=0 --sort=name --mtime=@0 \
        -cf "$work/base.tar" .
    tar -C / --no-recursion --numeric-owner --sort=name -T "$work/files" -rf "$work/base.tar"
    mv "$work/base.tar" "$tar"
fi

docker import --change 'ENV LANG=C.UTF-8' "$tar" "$tag" >/dev/null
echo "$tag"
