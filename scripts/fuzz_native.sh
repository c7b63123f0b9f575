#!/usr/bin/env bash
# Fuzzes the native library with AddressSanitizer and UndefinedBehaviorSanitizer: with libFuzzer
# where clang is installed, else with the target's own mutations.
# usage: fuzz_native.sh [EXECUTIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
executions=${1:-1000000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
library="$folder/_licodec.so"
"$python" scripts/compile_native.py --sanitize "$library"
sanitize=(-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all)
if command -v clang >/dev/null && CC="clang -fsanitize=fuzzer-no-link" "$python" scripts/compile_native.py --sanitize "$library"; then
  clang "${sanitize[@]}" -fsanitize=fuzzer tests/native/fuzz_target.c "$library" -Wl,-rpath,"$folder" \
    -o "$folder/fuzz"
  "$folder/fuzz" -runs="$executions" -max_len=600 -timeout=20 -print_final_stats=1
else
  "${CC:-cc}" "${sanitize[@]}" -DSTANDALONE tests/native/fuzz_target.c "$library" \
    -Wl,-rpath,"$folder" -o "$folder/fuzz"
  "$folder/fuzz" "$executions" "${SEED:-1}"
fi
