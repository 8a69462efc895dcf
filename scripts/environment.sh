# Sourced by the other scripts. --help never waits for an installation: where the packages of a script are missing, the
# comment at its top is the answer.

# With -h or --help as first argument: prints the comment at the top of the script, and ends it.
answer_help() {
    case "${1:-}" in -h | --help)
        sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"
        exit 0 ;;
    esac
}

# prepare EXTRA ... -- ARGUMENT ...: sets up .venv with these extras of pyproject.toml, for a script with these arguments.
prepare() {
    local scripts extra word
    local extras=()
    scripts=$(cd "$(dirname "$0")" && pwd)
    while [ "$1" != -- ]; do extras+=("$1"); shift; done
    shift
    for word; do
        case $word in -h | --help)
            for extra in "${extras[@]}"; do
                [ -e "$scripts/../.venv/.installed-$extra" ] && continue
                answer_help --help | cat
                echo "All options: scripts/setup ${extras[*]} (installs the packages), then scripts/$(basename "$0") --help"
                exit 0
            done
            return 0 ;;
        esac
    done
    "$scripts/setup" --quiet "${extras[@]}"
}
