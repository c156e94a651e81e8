#!/bin/sh
# prepare.sh KAFKA_VERSION: brings the servers of the end-to-end test into
# .cache, once. Needs java, mvn, apt-get and dpkg; neither root nor an
# installation, and it starts nothing.
#
#   .cache/kafka-VERSION   jars from Maven Central
#   .cache/debian          Debian's packages, unpacked
set -eu

version=$1
cd "$(dirname "$0")/../.."
mkdir -p .cache
cache=$(cd .cache && pwd)

for tool in java mvn apt-get dpkg; do
	command -v "$tool" >/dev/null || { echo "make e2e needs $tool in the PATH" >&2; exit 1; }
done

# What is fetched appears under its name only when it is whole.
fetch_kafka() {
	jars=$cache/kafka-$version
	[ ! -d "$jars" ] || return 0
	echo "fetching the jars of Kafka $version" >&2
	rm -rf "$jars.new"
	mvn -q -B -ntp -Dstyle.color=never -f bench/e2e/pom.xml \
		org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-Dkafka.version="$version" -DincludeScope=runtime -DoutputDirectory="$jars.new" >&2
	mv "$jars.new" "$jars"
}

# apt with lists and locks of its own, and without the hooks of containers'
# images, so that it need not be root's.
apt() {
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
	echo '#clear APT::Update::Post-Invoke;' >"$cache/apt/apt.conf"
	apt-get -qq -c "$cache/apt/apt.conf" -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
		-o Dir::State::lists="$cache/apt/lists" -o Dir::Cache="$cache/apt" "$@" >&2
}

fetch_debian() {
	root=$cache/debian
	[ ! -d "$root" ] || return 0
	echo "fetching Debian's prometheus and prometheus-alertmanager" >&2
	rm -rf "$root.new" "$cache/apt"
	mkdir -p "$root.new"
	apt update
	(cd "$root.new" && apt download prometheus prometheus-alertmanager)
	for package in "$root.new"/*.deb; do
		dpkg -x "$package" "$root.new"
		rm "$package"
	done
	rm -rf "$cache/apt"
	# Debian's Alertmanager reads its templates at an absolute path, where they are
	# not. A slash moved to the end makes it relative and keeps its length.
	LC_ALL=C sed 's#/usr/share/prometheus/alertmanager#usr/share/prometheus/alertmanager/#g' \
		"$root.new/usr/bin/prometheus-alertmanager" >"$root.new/usr/bin/alertmanager"
	chmod +x "$root.new/usr/bin/alertmanager"
	mv "$root.new" "$root"
}

fetch_kafka
fetch_debian
