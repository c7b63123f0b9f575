"""What click's completion needs to speak to bash, zsh and fish about files with some suffixes.

click's own scripts know any file or none; these take over its protocol and its parsing. Importing
this module puts them in the place of click's.
"""

from __future__ import annotations

from typing import Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

from licodec.cli.completers import find_files

COMPLETE_VARIABLE = "_LICODEC_COMPLETE"
PROGRAM = "licodec"

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' type value
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            path) compopt -o filenames; COMPREPLY+=("${value%%/}") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a plain described response
    local type key help
    (( $+commands[%(prog_name)s] )) || return 1
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='
    response=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for type key help in "${response[@]}"; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            glob) _files -g "$key" ;;
            plain) if [[ $help == _ ]]; then plain+=("$key"); else described+=("$key:$help"); fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#plain )) && compadd -V unsorted -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l words (commandline -cp)
    set -l word (commandline -ct)
    set -l option (string match --regex -- '^--[^=]+=' $word)
    for line in (env %(complete_var)s=fish_complete COMP_WORDS="$words" COMP_CWORD="$word" \\
            %(prog_name)s 2>/dev/null)
        set -l item (string split --max 1 , -- $line)
        switch $item[1]
            case dir
                __fish_complete_directories $item[2]
            case file
                __fish_complete_path $item[2]
            case plain path
                echo "$option"$item[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


def _paths(item: CompletionItem[Any]) -> str:
    return "\n".join(f"path,{path}" for path in find_files(item.value, item.suffixes))


@add_completion_class
class Bash(BashComplete):
    """bash 4.4 or later."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        words, incomplete = super().get_completion_args()
        return [word for word in words if word != "="], incomplete  # bash splits --option=value

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return _paths(item) if item.suffixes else super().format_completion(item)


@add_completion_class
class Zsh(ZshComplete):
    """zsh lists files itself, by a pattern."""

    source_template = _ZSH

    def format_completion(self, item: CompletionItem[Any]) -> str:
        if not item.suffixes:
            return super().format_completion(item)
        names = "|".join(suffix.removeprefix(".") for suffix in item.suffixes)
        return f"glob\n*.(#i)({names})(-.)\n_"  # without (-.), what stands last is no pattern


@add_completion_class
class Fish(FishComplete):
    """fish 3 or later."""

    source_template = _FISH

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return _paths(item) if item.suffixes else super().format_completion(item)


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def completion_script(shell: str) -> str:
    """The script that one of `SHELLS` reads to complete licodec's arguments."""
    from licodec.cli.main import cli

    return SHELLS[shell](cli, {}, PROGRAM, COMPLETE_VARIABLE).source()
