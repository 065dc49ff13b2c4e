#include "kafka/client_config.h"

#include <array>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/kafka_source.h"

namespace penstock::kafka {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

KafkaConnection Local() {
  KafkaConnection connection;
  connection.brokers = {"a:1", "b:2"};
  return connection;
}

std::string ValueOf(const ClientConfig& config, const char* name) {
  std::array<char, 1024> value{};
  std::size_t size = value.size();
  if (rd_kafka_conf_get(config.handle.get(), name, value.data(), &size) != RD_KAFKA_CONF_OK) {
    return "(no such property)";
  }
  return value.data();
}

ClientConfig Good(const KafkaConnection& connection) {
  auto config = MakeConfig(connection, "group", "client");
  if (!config.ok()) {
    ADD_FAILURE() << config.error().detail;
    return {};
  }
  return std::move(config).value();
}

std::string FaultOf(const KafkaConnection& connection) {
  const Status checked = CheckConnection(connection);
  if (checked.ok()) return "";
  EXPECT_EQ(checked.error().code, "kafka_config");
  EXPECT_EQ(checked.error().remedy, Remedy::kStop);
  return checked.error().detail;
}

TEST(ClientConfig, IsWhatDeliveryNeeds) {
  const ClientConfig config = Good(Local());
  EXPECT_EQ(ValueOf(config, "bootstrap.servers"), "a:1,b:2");
  EXPECT_EQ(ValueOf(config, "group.id"), "group");
  EXPECT_EQ(ValueOf(config, "client.id"), "client");
  EXPECT_EQ(ValueOf(config, "enable.auto.commit"), "false");
  EXPECT_EQ(ValueOf(config, "enable.auto.offset.store"), "false");
  EXPECT_EQ(ValueOf(config, "partition.assignment.strategy"), "cooperative-sticky");
  EXPECT_EQ(ValueOf(config, "isolation.level"), "read_committed");
  EXPECT_EQ(ValueOf(config, "security.protocol"), "plaintext");
}

TEST(ClientConfig, PropertiesArePassedOnAndStrongerThanOurs) {
  KafkaConnection connection = Local();
  connection.properties = {{"fetch.wait.max.ms", "7"}, {"socket.timeout.ms", "1234"}};
  const ClientConfig config = Good(connection);
  EXPECT_EQ(ValueOf(config, "fetch.wait.max.ms"), "7");
  EXPECT_EQ(ValueOf(config, "socket.timeout.ms"), "1234");
}

TEST(ClientConfig, AWrongPropertyIsNamed) {
  KafkaConnection connection = Local();
  connection.properties = {{"fetch.wait.max", "7"}};
  EXPECT_THAT(FaultOf(connection), HasSubstr("connection_params.properties.fetch.wait.max"));
  connection.properties = {{"fetch.wait.max.ms", "soon"}};
  EXPECT_THAT(FaultOf(connection), HasSubstr("connection_params.properties.fetch.wait.max.ms"));
}

TEST(ClientConfig, WhatDeliveryRestsOnCannotBeChanged) {
  for (const char* name : {"enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset",
                           "partition.assignment.strategy", "group.id", "group.instance.id",
                           "enable.partition.eof", "bootstrap.servers"}) {
    KafkaConnection connection = Local();
    connection.properties = {{name, "true"}};
    EXPECT_THAT(FaultOf(connection), HasSubstr(name));
  }
}

TEST(ClientConfig, CredentialsAreTakenAndNeverPrinted) {
  KafkaConnection connection = Local();
  connection.protocol = "SASL_PLAINTEXT";
  for (const char* mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}) {
    connection.mechanism = mechanism;
    connection.username = "user";
    connection.password = "secret";
    const ClientConfig config = Good(connection);
    EXPECT_EQ(ValueOf(config, "sasl.mechanism"), mechanism);
    EXPECT_EQ(ValueOf(config, "sasl.username"), "user");
    EXPECT_EQ(ValueOf(config, "sasl.password"), "secret");
  }
  connection.properties = {{"sasl.password.of", "x"}};
  EXPECT_THAT(FaultOf(connection), Not(HasSubstr("secret")));
}

TEST(ClientConfig, SaslNeedsAMechanism) {
  KafkaConnection connection = Local();
  connection.protocol = "SASL_SSL";
  EXPECT_THAT(FaultOf(connection), HasSubstr("connection_params.mechanism"));
  connection.mechanism = "OAUTHBEARER";
  EXPECT_THAT(FaultOf(connection), HasSubstr("needs a token"));
  connection.password = "token";
  EXPECT_EQ(FaultOf(connection), "");
  EXPECT_TRUE(UsesGivenToken(connection));
}

TEST(ClientConfig, CertificatesAreChecked) {
  KafkaConnection connection = Local();
  connection.protocol = "SSL";
  connection.skip_tls_verification = true;
  EXPECT_EQ(ValueOf(Good(connection), "enable.ssl.certificate.verification"), "false");
  connection.protocol = "HTTPS";
  EXPECT_THAT(FaultOf(connection), HasSubstr("connection_params.protocol"));
}

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ClientConfig, KerberosGetsItsFilesAndTheyGoAgain) {
  KafkaConnection connection = Local();
  connection.protocol = "SASL_PLAINTEXT";
  connection.mechanism = "GSSAPI";
  connection.username = "client";
  connection.kerberos_realm = "REALM";
  connection.kerberos_service_name = "service";
  connection.kerberos_keytab = "BQIAAABH";
  std::string path;
  {
    const ClientConfig config = Good(connection);
    EXPECT_EQ(ValueOf(config, "sasl.kerberos.principal"), "client@REALM");
    EXPECT_EQ(ValueOf(config, "sasl.kerberos.service.name"), "service");
    path = ValueOf(config, "sasl.kerberos.keytab");
    EXPECT_EQ(Content(path), std::string("\x05\x02\0\0\0G", 6)) << "base64 is decoded";
  }
  EXPECT_FALSE(std::ifstream(path).good()) << "the file outlived its client";
  connection.kerberos_keytab = "/etc/some.keytab";
  EXPECT_EQ(ValueOf(Good(connection), "sasl.kerberos.keytab"), "/etc/some.keytab");
}

}  // namespace
}  // namespace penstock::kafka
