#!/usr/bin/env bash
# Prints all dead letters there are: code, reason, where the record was, the record.
#
#   BROKERS=localhost:9092 TOPIC=eventbus-collector ./dead-letters.sh
set -euo pipefail

kcat -C -q -e -b "${BROKERS:-localhost:9092}" -t "${TOPIC:-eventbus-collector}-dlq" -o beginning \
  -X isolation.level=read_committed -f '%h\n  %s\n'
