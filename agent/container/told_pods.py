"""A container, with what Kubernetes says of its pod laid over it. Pure.

The runtime's files come first: what they tell stays. Kubernetes adds what is in none of them: the
owner, annotations, requests, and everything where the files may not be read.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.container.container import Container, Kind, Requests
from agent.container.told import ToldMember, ToldPod
from agent.records import replace


def with_pod(container: Container, pod: ToldPod) -> Container:
    """`container` of the pod `pod`, with more in it."""
    known = replace(
        container,
        pod=container.pod or pod.name,
        namespace=container.namespace or pod.namespace,
        pod_uid=container.pod_uid or pod.uid,
        qos=container.qos or pod.qos,
        owner=pod.owner,
        labels={**pod.labels, **container.labels},
        pod_labels=pod.labels,
        annotations=pod.annotations,
    )
    if container.kind is Kind.POD:
        return replace(
            known,
            source=pod.source if container.source == "path" else container.source,
            requests=total(member.requests for member in pod.members.values()),
            complete=True,
        )
    if container.kind is Kind.SANDBOX:
        return known
    name = container.container or pod.ids.get(container.id, "")
    member = pod.members.get(name)
    return known if member is None else _with_member(known, member, pod)


def total(requests: Iterable[Requests | None]) -> Requests | None:
    """What several containers ask for together; None where nobody is known to ask."""
    known = [request for request in requests if request is not None]
    if not known:
        return None
    cpu = [request.cpu for request in known if request.cpu is not None]
    memory = [request.memory for request in known if request.memory is not None]
    return Requests(sum(cpu) if cpu else None, sum(memory) if memory else None)


def _with_member(container: Container, member: ToldMember, pod: ToldPod) -> Container:
    unread = container.source == "path"
    return replace(
        container,
        container=member.name,
        image=container.image or member.image,
        image_id=container.image_id or member.image_id,
        attempt=member.attempt if container.attempt is None else container.attempt,
        requests=member.requests,
        source=pod.source if unread else container.source,
        complete=container.complete or bool(member.image),
    )
