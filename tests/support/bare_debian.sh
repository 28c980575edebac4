#!/usr/bin/env bash
# Try the set-up on a bare Debian: nothing there but make, git and certificates.
#
#   tests/support/bare_debian.sh [CASE...]      cases: root sudo plain none; default: all four
#
#   root    as root: `./bootstrap run`, the command, `./bootstrap test`
#   sudo    as a user who may use sudo: the same
#   plain   as a user without sudo, Python is there: everything but PDF output and the browser is set up, and the
#           line for an administrator is printed
#   none    as a user without sudo, no Python: refused, with the line for an administrator
#
# With WHOLE=1 the cases root and sudo run `make demo ONCE=1` and `make test` too. SUITE names another release.
# Needs root and debootstrap; changes nothing outside a temporary folder, which it removes.
set -euo pipefail

[ "$(id -u)" = 0 ] || { echo "must be root, to make a chroot" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "needs debootstrap" >&2; exit 2; }
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
suite=${SUITE:-bookworm}
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=(root sudo plain none)

scratch=$(mktemp -d)
mounted=()
release() {
    for point in "${mounted[@]}"; do umount -l "$point" 2>/dev/null || true; done
    mounted=()
}
finish() {
    release
    # Never remove through a mount that is still there.
    if ! grep -q " $scratch/" /proc/mounts; then rm -rf "$scratch"; else echo "left behind: $scratch" >&2; fi
}
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }

say "base system ($suite)"
base=$scratch/base
debootstrap --variant=minbase --include=make,git,ca-certificates,sudo "$suite" "$base" >"$scratch/debootstrap.log" 2>&1 ||
    { tail -n 20 "$scratch/debootstrap.log" >&2; exit 1; }
# Packages and names are reached in the way this machine reaches them.
cp /etc/resolv.conf "$base/etc/resolv.conf"
cp -r /usr/local/share/ca-certificates/. "$base/usr/local/share/ca-certificates/" 2>/dev/null || true
chroot "$base" update-ca-certificates >/dev/null 2>&1
printf 'deb %s %s main\n' "$(sed -n 's/^deb [^h]*\(http[^ ]*\) .*/\1/p' "$base/etc/apt/sources.list" | head -n 1)" "$suite" \
    >"$base/etc/apt/sources.list"
chroot "$base" useradd --create-home --shell /bin/sh officer
git clone -q --no-hardlinks "$repository" "$base/srv/amparo"
chroot "$base" chown -R officer:officer /srv/amparo

as() {      # as WHO COMMAND: run in the chroot's copy of the repository, with a plain environment
    local who=$1 command=$2
    # shellcheck disable=SC2016  # the inner shell expands them
    chroot "$system" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME="$([ "$who" = root ] && echo "/$who" || echo "/home/$who")" \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${HTTP_PROXY:+HTTP_PROXY="$HTTP_PROXY"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} \
        ${NO_PROXY:+NO_PROXY="$NO_PROXY"} PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
        /bin/sh -c 'if [ "$(id -un)" = "$1" ]; then exec sh -c "$2"; else exec setpriv --reuid="$1" --regid="$1" \
            --init-groups sh -c "$2"; fi' sh "$who" "cd /srv/amparo && $command"
}

expect_complete() {
    local who=$1
    as "$who" "./bootstrap run"
    as "$who" ".venv/bin/amparo --version && .venv/bin/python -c 'import weasyprint'"
    as "$who" "./bootstrap test && command -v chromium && .venv/bin/python -m pytest -q tests/architecture/test_repository.py"
    local again
    again=$(as "$who" "./bootstrap run 2>&1 && ./bootstrap test 2>&1")
    [ -z "$again" ] || { echo "the second call was not quiet: $again" >&2; return 1; }
    if [ "${WHOLE:-0}" = 1 ]; then
        as "$who" "make demo ONCE=1"
        as "$who" "make test"
    fi
}

expect_refusal() {      # expect_refusal WHO COMMAND STATUS: it says what an administrator has to do
    local out status=0
    out=$(as "$1" "$2" 2>&1) || status=$?
    echo "$out"
    [ "$status" = "$3" ] || { echo "status $status, not $3" >&2; return 1; }
    grep -q 'apt-get install -y --no-install-recommends' <<<"$out"
}

failed=()
for name in "${cases[@]}"; do
    say "case $name"
    system=$scratch/$name
    cp -a --reflink=auto "$base" "$system"
    mkdir -p "$system/dev/shm"
    mount -t proc proc "$system/proc"; mounted+=("$system/proc")
    mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"; mounted+=("$system/dev/shm")
    set +e      # `set -e` inside has no effect where the result is asked for with && or ||
    (
        set -e
        case $name in
        root)
            chroot "$system" chown -R root:root /srv/amparo
            expect_complete root ;;
        sudo)
            echo 'officer ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/officer"
            expect_complete officer ;;
        plain)
            as root "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null 2>&1"
            expect_refusal officer "./bootstrap test </dev/null" 0
            expect_refusal officer "./bootstrap test </dev/null" 0      # reminded, not silent
            as officer ".venv/bin/amparo --version" ;;
        none)
            expect_refusal officer "./bootstrap run </dev/null" 1 ;;
        *) echo "no such case: $name" >&2; exit 2 ;;
        esac
    )
    status=$?
    set -e
    if [ "$status" = 0 ]; then echo "case $name: passed"; else echo "case $name: FAILED"; failed+=("$name"); fi
    release
    if ! grep -q " $system/" /proc/mounts; then rm -rf "$system"; fi
done

say "${#failed[@]} of ${#cases[@]} cases failed ${failed[*]:-}"
[ ${#failed[@]} = 0 ]
