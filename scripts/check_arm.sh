#!/usr/bin/env bash
# Compiles the native library for aarch64 and runs it under emulation, on a CPU for each instruction
# set: all must give what this machine's own library gives, on inputs of the fuzz target.
# usage: check_arm.sh [EXECUTIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
executions=${1:-3000}
cross=aarch64-linux-gnu-gcc
for tool in "$cross" qemu-aarch64; do
  command -v "$tool" >/dev/null || {
    echo "error: $tool is not there; on Debian install gcc-aarch64-linux-gnu, libc6-dev-arm64-cross" \
      "and qemu-user" >&2
    exit 2
  }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in own arm; do
  compiler=${CC:-cc}
  [ "$name" = own ] || compiler=$cross
  CC="$compiler" "${PYTHON:-python3}" scripts/compile_native.py "$folder/$name.so"
  $compiler -O1 -DSTANDALONE tests/native/fuzz_target.c "$folder/$name.so" -Wl,-rpath,"$folder" \
    -o "$folder/$name"
done
expected=$("$folder/own" "$executions")
echo "here: $expected"
for cpu in cortex-a53 cortex-a76 max; do # NEON alone, with DotProd, with I8MM
  found=$(qemu-aarch64 -cpu "$cpu" -L "/usr/${cross%-gcc}" "$folder/arm" "$executions")
  echo "$cpu: $found"
  [ "$found" = "$expected" ] || { echo "error: results differ" >&2; exit 1; }
done
