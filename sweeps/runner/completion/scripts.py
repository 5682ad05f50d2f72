"""What bash and zsh read to complete commands of this project: they hand the line over and offer what comes back."""

# ${COMP_WORDS[0]} is the program that is typed, so that the answer is that of its own environment.
_BASH = r"""_sweeps_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" word found IFS=$'\n'
    local -a ask=("${COMP_WORDS[0]}")
    if [[ "${COMP_WORDS[0]##*/}" != sweeps ]]; then
        [[ "$line" == *" -m sweeps"* || "$line" == *" -m trainable.train"* ]] || return 0
        ask+=(-m sweeps)
    fi
    word="${line##*[[:space:]]}"
    COMPREPLY=()
    for found in $("${ask[@]}" complete "$line" 2>/dev/null); do
        # bash replaces what follows the last of its word breaks only
        if [[ "$word" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then found="${found#"${word%"${word##*=}"}"}"; fi
        COMPREPLY+=("$found")
    done
    if [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *= ]]; then compopt -o nospace 2>/dev/null; fi
    return 0
}
complete -o default -o bashdefault -F _sweeps_complete sweeps python python3
"""
_ZSH = r"""#compdef sweeps python python3
_sweeps_complete() {
    local line="${BUFFER[1,CURSOR]}"
    local -a ask found
    ask=("${words[1]}")
    if [[ "${words[1]:t}" != sweeps ]]; then
        if [[ "$line" != *" -m sweeps"* && "$line" != *" -m trainable.train"* ]]; then _default; return; fi
        ask+=(-m sweeps)
    fi
    found=("${(@f)$("${(@)ask}" complete "$line" 2>/dev/null)}")
    found=(${found:#})
    if (( ${#found} == 0 )); then _default; return; fi
    compadd -Q -S ' ' -- "${(@)found:#*=}"
    compadd -Q -S '' -- "${(@M)found:#*=}"
}
compdef _sweeps_complete sweeps python python3
"""
SHELLS = {"bash": _BASH, "zsh": _ZSH}


def script(shell: str) -> str:
    """For ``eval "$(python -m sweeps completion bash)"``."""
    return SHELLS[shell]
