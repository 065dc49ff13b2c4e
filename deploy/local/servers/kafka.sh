# Apache Kafka, one node that is broker and controller (KRaft), from its Maven artifacts. Sourced by ../stack.
kafka_version=4.1.0

kafka_ports() { printf '%s\n' "$KAFKA_PORT" $((KAFKA_PORT + 1)); }

kafka_jars() { echo "$deps/kafka-$kafka_version"; }

kafka_fetch() {
  find_java
  [ ! -e "$(kafka_jars)" ] || return 0
  need mvn maven
  echo "kafka: fetching Apache Kafka $kafka_version with mvn (54 MB) into $(kafka_jars)"
  fetch_once "kafka-$kafka_version" kafka_download
}

kafka_download() {
  mvn -q -B -f "$here/servers/kafka-pom.xml" "-Dkafka.version=$kafka_version" dependency:copy-dependencies \
    "-DoutputDirectory=$1" -DincludeScope=runtime && ls "$1/kafka_2.13-$kafka_version.jar"
}

find_java() {
  java=java
  [ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
  need "$java" default-jre-headless
  local version
  version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 17 ] || die "kafka: needs Java 17 or newer, and '$java' is version ${version:-unknown}"
}

kafka_prepare() {
  local home=$dir/kafka
  kafka_properties >"$home/server.properties"
  [ -f "$home/data/meta.properties" ] || kafka_format || return 1
  # shellcheck disable=SC2206 # The heap flags are several words.
  run=("$java" $KAFKA_HEAP -XX:+UseG1GC -XX:MaxGCPauseMillis=50 -XX:MaxDirectMemorySize=256m
    -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
    -Dorg.slf4j.simpleLogger.showDateTime=true "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS"
    -cp "$(kafka_jars)/*" kafka.Kafka "$home/server.properties")
}

kafka_format() {
  local home=$dir/kafka id
  # 16 random bytes as the tool wants them; the first character is ours, a leading '-' would read as an option.
  id=K$(head -c 15 /dev/urandom | base64 | tr '+/' '-_')A
  "$java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$(kafka_jars)/*" kafka.tools.StorageTool format \
    -t "$id" -c "$home/server.properties" >"$home/format.log" 2>&1 && return
  rm -rf "$home/data"
  echo "stack: kafka could not format its storage; the start of $home/format.log:" >&2
  head -n 5 "$home/format.log" | cut -c 1-400 | sed 's/^/    /' >&2
  return 1
}

# One node needs one replica, and recovers quicker with few partitions of the internal topics. Topics are made
# on purpose only: a misspelt name should be seen. After kill -9 a broker waits until its old session is over,
# hence one shorter than the usual 9 s; not shorter still, for a busy machine must not lose it in between.
kafka_properties() {
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((KAFKA_PORT + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$((KAFKA_PORT + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/kafka/data
auto.create.topics.enable=false
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=6000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
message.max.bytes=10485760
log.segment.bytes=268435456
num.network.threads=2
num.io.threads=4
$KAFKA_SET
END
}

# The port opens before the broker is registered, so the question is Metadata (version 1, no topics): the
# third word of the answer counts the brokers.
kafka_answers() {
  local request='\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00'
  [ "$(ask "$KAFKA_PORT" "$request" head -c 12 | od -An -tx1 | tr -d ' \n' | cut -c 17-)" = 00000001 ]
}
