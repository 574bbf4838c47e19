#!/usr/bin/env bash
# Starts a group, answers for its two entities, and prints the group's outcome.
#
#   BROKERS=localhost:9092 TOPIC=eventbus-collector TTL=10 ./await-group.sh [GROUP]
set -euo pipefail
brokers=${BROKERS:-localhost:9092}
topic=${TOPIC:-eventbus-collector}
group=${1:-trip-$(cat /proc/sys/kernel/random/uuid)}
ttl=${TTL:-10}
patience=$((ttl + 5))
begin=$(date +%s%3N)

# One event a line. All have the group's id as their key. murmur2 is where the collector looks
# first; kcat's default is crc32.
kcat -P -b "$brokers" -t "$topic" -k "$group" \
  -X partitioner=murmur2_random -X enable.idempotence=true -X message.timeout.ms=10000 <<EVENTS
{"type":"EventGroupCollectorCreate","id":"$group","expected":["flight","hotel"],"ttl":$ttl,"payload":{"customer":"Ada"}}
{"type":"EventGroupCollectorEntityDone","id":"flight","group":"$group","result":{"seat":"12A"}}
{"type":"EventGroupCollectorEntityDone","id":"hotel","group":"$group","result":{"room":401}}
EVENTS

# Reads from the first record that is as young as our Create: the outcome lies behind it.
exec 3< <(exec timeout "$patience" kcat -C -q -u -b "$brokers" -t "$topic" -o "s@$begin" \
  -X isolation.level=read_committed -f '%k\t%s\n')
reader=$!
trap 'kill "$reader" 2>/dev/null || true' EXIT

while IFS=$'\t' read -r -u 3 key value; do
  [ "$key" = "$group" ] || continue
  case $value in
    '{"type":"EventGroupCollectorSuccess",'* | '{"type":"EventGroupCollectorFailure",'*)
      echo "$value"
      exit 0
      ;;
  esac
done
echo "no outcome of $group in $patience s" >&2
exit 1
