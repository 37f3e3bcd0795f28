#!/bin/sh
# The .NET SDK: the one on the PATH, else the one that tools/setup-tests.sh put into .tools. usage: dotnet.sh ARGUMENTS OF dotnet...
here=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_NOLOGO=1
# No compiler is left running behind.
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
if command -v dotnet >/dev/null 2>&1; then
    exec dotnet "$@"
fi
if [ ! -x "$here/.tools/dotnet/sdk/dotnet" ]; then
    echo "no .NET SDK; make test-setup installs one" >&2
    exit 127
fi
# .NET Core 3.1 knows neither this system's OpenSSL 3 nor its ICU.
export DOTNET_CLI_HOME="$here/.tools/dotnet/home" DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
export LD_LIBRARY_PATH="$here/.tools/dotnet/ssl${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/.tools/dotnet/sdk/dotnet" "$@"
