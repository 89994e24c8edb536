#!/bin/sh
# A recorded call put through a gateway; then, as root, a real call through a live one, in network namespaces.
#
#   demo.sh DOORMAN     the command to run; what the outside saw of the recorded call is left in build/
set -eu
doorman=$1
lab="$doorman lab --name doorman-demo"

mkdir -p build
"$doorman" check examples/overload.cfg
echo
"$doorman" replay examples/sipp-call.pcap --config examples/overload.cfg --explain -o build/outside.pcap
echo "What the outside saw is in build/outside.pcap."
echo

if [ "$(id -u)" -ne 0 ]; then
  echo "As root, this would go on with a real call through the live gateway, in network namespaces of its own."
  exit 0
fi
if ! unshare --net true 2>/dev/null; then
  echo "Here root may not make network namespaces; where that is allowed, a real call through the live gateway follows."
  exit 0
fi
trap '$lab down' EXIT
$lab up
echo
$lab call --seconds 3
