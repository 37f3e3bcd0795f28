#!/bin/sh
# Says which tools are missing, each with the line that installs it. Installs nothing itself.
# usage: check-tools.sh TOOL...   (of: cargo cc make curl)
missing=0
for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 && continue
    missing=1
    case $tool in
        cargo) line="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" ;;
        cc) line="apt-get install gcc libc6-dev   (Debian, Ubuntu; as root)   or   xcode-select --install   (macOS)" ;;
        *) line="apt-get install $tool   (Debian, Ubuntu; as root)" ;;
    esac
    printf '%s is missing. Install it with:\n    %s\n' "$tool" "$line" >&2
done
exit $missing
