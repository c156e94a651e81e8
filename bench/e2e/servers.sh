#!/bin/sh
# servers.sh KAFKA_VERSION: a Kafka on localhost:9092 and an Alertmanager on
# localhost:9093, to try slowpod on by hand, until Ctrl-C. prepare.sh has fetched
# them. What they write goes when they end.
set -eu

cd "$(dirname "$0")/../.."
jars="$PWD/.cache/kafka-$1/*"
alertmanager=$PWD/.cache/debian/usr/bin/alertmanager
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$dir"' EXIT
trap 'exit 0' INT TERM

cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:19092
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:19092
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/kafka
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=1048577
END
java -cp "$jars" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$dir/server.properties" >"$dir/format.log" 2>&1 || {
	cat "$dir/format.log" >&2
	exit 1
}
java -Xmx256m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
	-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
	-cp "$jars" kafka.Kafka "$dir/server.properties" >"$dir/kafka.log" 2>&1 &
pids=$!

printf 'route: {receiver: nobody}\nreceivers: [{name: nobody}]\n' >"$dir/alertmanager.yml"
# Its working directory has the templates.
(cd .cache/debian && exec "$alertmanager" --config.file="$dir/alertmanager.yml" --storage.path="$dir/alertmanager" \
	--web.listen-address=localhost:9093 --cluster.listen-address= >"$dir/alertmanager.log" 2>&1) &
pids="$pids $!"

until grep -q 'Kafka Server started' "$dir/kafka.log"; do
	for pid in $pids; do
		kill -0 "$pid" 2>/dev/null || {
			cat "$dir/kafka.log" "$dir/alertmanager.log" >&2
			exit 1
		}
	done
	sleep 0.2
done
echo "Kafka is on localhost:9092, Alertmanager on http://localhost:9093. Ctrl-C ends both."
wait
