"""What moto lacks, added to its own classes when it is loaded.

`Moto` calls `install` once. Each addition says which gap it closes; the contract tests fail when a
new version of moto no longer has the place it hooks into.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from localaws.emulators import target_states

if TYPE_CHECKING:
    from collections.abc import Iterator


def install() -> None:
    """Hook everything in; calling it twice changes nothing."""
    from moto.ec2.models.network_acls import NetworkAclBackend  # noqa: PLC0415 - 180 MB
    from moto.ec2.models.security_groups import SecurityGroupRule  # noqa: PLC0415 - the same
    from moto.elbv2.models import ELBv2Backend  # noqa: PLC0415 - the same

    for kind, name, addition in (
        (ELBv2Backend, "iter_tagged_resources", _with_rules),
        (ELBv2Backend, "register_targets", target_states.registered),
        (ELBv2Backend, "deregister_targets", target_states.deregistered),
        (ELBv2Backend, "describe_target_health", target_states.described),
        (NetworkAclBackend, "replace_network_acl_association", _known_association),
    ):
        original = getattr(kind, name)
        if not hasattr(original, "__wrapped__"):
            setattr(kind, name, wraps(original)(addition(original)))
    setattr(SecurityGroupRule, "description", property(_description))  # noqa: B010 - mypy knows it as read-only


def _with_rules(original: Any) -> Any:
    """GetResources knows load balancers and target groups, not listeners and their rules."""

    def iter_tagged_resources(self: Any) -> Iterator[Any]:
        from moto.core.resource_tagging import TaggedResource  # noqa: PLC0415 - see above

        yield from original(self)
        for balancer in self.load_balancers.values():
            for listener in balancer.listeners.values():
                rules = [rule.arn for rule in listener.rules.values() if not rule.is_default]
                for arn, kind in (
                    (listener.arn, "listener"),
                    *((each, "listener-rule") for each in rules),
                ):
                    tags = self.tagging_service.get_tag_dict_for_resource(arn)
                    yield TaggedResource(
                        arn=arn, tags=tags, resource_type=f"elasticloadbalancing:{kind}"
                    )

    return iter_tagged_resources


def _known_association(original: Any) -> Any:
    """An association that was replaced meanwhile crashes moto; AWS says that it is not found."""

    def replace(self: Any, association_id: str, network_acl_id: str) -> Any:
        from moto.ec2.exceptions import InvalidAssociationIdError  # noqa: PLC0415 - see above

        if not any(association_id in acl._associations for acl in self.network_acls.values()):  # noqa: SLF001
            raise InvalidAssociationIdError(association_id)
        self.get_network_acl(network_acl_id)  # moto takes the old one off before it looks
        return original(self, association_id, network_acl_id)

    return replace


def _description(rule: Any) -> str | None:
    """A rule that names a group has a description too."""
    found: str | None = rule.ip_range.get("Description") or rule.source_group.get("Description")
    return found
