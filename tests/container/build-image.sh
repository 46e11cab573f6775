#!/usr/bin/env bash
# Builds the Dockerfile of this repository for real, with podman and without a Docker engine.
#
#   usage: build-image.sh TAG WORK_DIR
#
# WORK_DIR (a short path: podman allows 50 characters) takes the image store and the settings; run the image with
#   . WORK_DIR/env.sh; podman run --rm TAG …
# WORK_DIR/bin/docker is then podman under docker's name, for what calls docker.
# Where the base image can't be pulled, a stand-in is made from the files of this machine: Debian's essential
# packages and a CPython 3.12 from pyenv. That needs Debian and root.
set -euo pipefail

tag=$1 work=$2
repository=$(cd "$(dirname "$0")/../.." && pwd)
base=$(sed -n 's/^ARG BASE=//p' "$repository/Dockerfile")

# Own storage, and limits no higher than the caller's: raising them needs a privilege that CI machines lack.
# runc where it is installed: crun refuses a machine with both versions of cgroups.
write_settings() {
  cat >"$work/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$(ulimit -Sn):$(ulimit -Hn)", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
$(if command -v runc >/dev/null; then echo 'runtime = "runc"'; fi)
CONF
  cat >"$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/store"
runroot = "$work/run"
CONF
  printf 'export CONTAINERS_CONF=%q CONTAINERS_STORAGE_CONF=%q\n' \
    "$work/containers.conf" "$work/storage.conf" >"$work/env.sh"
  . "$work/env.sh"
}

# What a Debian slim image holds: the essential packages, what CPython links to, and all they depend on.
base_packages() {
  local wanted
  wanted=$(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p')
  # shellcheck disable=SC2086  # a list of words
  apt-cache depends --recurse --important --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    $wanted passwd tzdata netbase libssl3 libsqlite3-0 libffi8 libreadline8 libbz2-1.0 liblzma5 libuuid1 zlib1g \
    libncursesw6 libexpat1 libgcc-s1 libstdc++6 | grep -E '^[a-z0-9]' | sort -u
}

# The files of those of the packages that are installed here.
base_files() {
  local installed
  # dpkg-query answers 1 when one name is virtual or not installed, which is expected.
  installed=$(base_packages | xargs dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' 2>/dev/null |
    sed -n 's/^ii *//p') || true
  # shellcheck disable=SC2086
  dpkg-query -L $installed | sort -u | sed -n 's#^/##p' |
    grep -vE '^(\.|usr/share/(doc|man|locale|info|lintian)/.*)$' |
    while read -r file; do if [ -e "/$file" ] || [ -L "/$file" ]; then echo "$file"; fi; done
}

make_stand_in() {
  local root=$work/root python
  python=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.* | tail -n 1)
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin} "$root"/{proc,sys,dev,run}
  base_files >"$work/files"
  tar -C / --no-recursion -cf - -T "$work/files" | tar -C "$root" -xf -
  # The accounts as Debian delivers them, never those of this machine.
  cp /usr/share/base-passwd/passwd.master "$root/etc/passwd"
  cp /usr/share/base-passwd/group.master "$root/etc/group"
  : >"$root/etc/shadow"
  : >"$root/etc/gshadow"
  tar -C "$python" --exclude='lib/python3*/test' --exclude='lib/python3*/site-packages/*' --exclude=__pycache__ \
    --exclude='*.a' -cf - bin/python3 bin/python3.12 lib | tar -C "$root/usr/local" -xf -
  ln -sf python3.12 "$root/usr/local/bin/python"
  ldconfig -r "$root"
  chroot "$root" /usr/local/bin/python -m ensurepip --default-pip >/dev/null 2>&1
  ln -sf pip3 "$root/usr/local/bin/pip"
  tar -C "$root" -cf - . | podman import -q \
    -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'ENV LANG=C.UTF-8' \
    -c 'CMD ["python3"]' - "$base" >/dev/null
  rm -rf "$root" "$work/files"
}

# pip inside the build finds its index as pip out here does. Mounted for the RUN steps: nothing stays in the image.
pip_settings() {
  local key value
  echo "[global]"
  for key in index-url extra-index-url proxy cert trusted-host timeout; do
    value=$(pip_setting "$key")
    # A folder of this machine is not there during the build.
    if [ -n "$value" ] && [[ $value != *file:* ]]; then echo "$key = $value"; fi
  done
}

# One of pip's settings: from the environment, else from its files.
pip_setting() {
  local variable
  variable=PIP_$(tr 'a-z-' 'A-Z_' <<<"$1")
  if [ -n "${!variable:-}" ]; then echo "${!variable}"; else python3 -m pip config get "global.$1" 2>/dev/null || true; fi
}

# podman's command line is docker's; only a build needs to be told what this machine is like.
write_docker() {
  local certificates options=(--pull=never --network host --format docker)
  pip_settings >"$work/pip.conf"
  options+=(--volume "$work/pip.conf:/etc/pip.conf:ro")
  certificates=$(pip_setting cert)
  if [ -n "$certificates" ]; then options+=(--volume "$certificates:$certificates:ro"); fi
  mkdir -p "$work/bin"
  cat >"$work/bin/docker" <<SHIM
#!/bin/sh
. $(printf %q "$work/env.sh")
if [ "\$1" = build ]; then shift; exec podman build $(printf '%q ' "${options[@]}") "\$@"; fi
exec podman "\$@"
SHIM
  chmod +x "$work/bin/docker"
}

mkdir -p "$work"
write_settings
write_docker
if ! podman image exists "$base" && ! timeout 20 podman pull --quiet "$base" >/dev/null 2>&1; then
  echo "$base can't be pulled: making a stand-in from this machine's files" >&2
  make_stand_in
fi
"$work/bin/docker" build --quiet --tag "$tag" "$repository"
