#!/usr/bin/env bash
# Brings the jars of a Kafka broker into node_modules/.cache, for the tests and the bench of the bus adapter. Needs mvn (and, to run it, java).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

# The version whose client OpenWhisk uses (kafka-clients 3.9.1).
version=3.9.1
cache=node_modules/.cache/openwhisk-harvest/kafka
if [ -f "$cache/$version/done" ]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>openwhisk-harvest</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
POM
rm -rf "${cache:?}/$version"
mkdir -p "$cache/$version"
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
  -DoutputDirectory="$PWD/$cache/$version/lib" -Dmaven.repo.local="$work/repository" >/dev/null
touch "$cache/$version/done"
