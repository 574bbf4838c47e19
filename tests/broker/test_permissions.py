"""What the broker denies is said in one clear line, and the process ends with 1: a person has to grant it,
trying again would not help."""

import pytest
from cluster import Broker
from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, AdminClient,
                                   ResourcePatternType, ResourceType)
from conftest import make_world
from waits import PATIENCE


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("guarded"), "allow.everyone.if.no.acl.found=true",
                    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
    yield broker.address
    broker.remove()


def _deny(brokers: str, kind: ResourceType, name: str, operation: AclOperation) -> None:
    admin = AdminClient({"bootstrap.servers": brokers})
    acl = AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation,
                     AclPermissionType.DENY)
    for done in admin.create_acls([acl]).values():
        done.result(PATIENCE)


@pytest.mark.parametrize("kind, name, operation, said", [
    (ResourceType.TOPIC, "{topic}", AclOperation.READ, "Topic authorization failed"),
    (ResourceType.TOPIC, "{topic}-dlq", AclOperation.WRITE, "Topic authorization failed"),
    (ResourceType.TRANSACTIONAL_ID, "muster.{topic}-group.{topic}.one", AclOperation.WRITE,
     "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
    (ResourceType.GROUP, "{topic}-group", AclOperation.READ, "Group authorization failed"),
])
def test_what_is_denied_is_said_and_ends_the_process(guarded, tmp_path, kind, name, operation, said):
    world = make_world(guarded, tmp_path, 1)
    world.make()
    collector = world.collector().start().ready()
    assert collector.stop() == 0, collector.why("exit status")  # all topics are there now
    _deny(guarded, kind, name.format(topic=world.topic), operation)
    collector.start()
    assert collector.process.wait(PATIENCE) == 1, collector.why("exit status")
    assert any(said in line for line in collector.lines()), collector.why(f"it says {said!r}")
