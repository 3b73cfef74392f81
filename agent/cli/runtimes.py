"""What reads what each runtime leaves on disk: loaded once a container of that runtime is there.

For `agent.lean.defer`, by commands that somebody waits for.
"""

from typing import Final

RUNTIMES: Final = tuple(
    f"agent.container.{name}"
    for name in (
        *("bare", "containerd", "crio", "docker"),
        *("podman", "podman_database", "podman_ends"),
    )
)
