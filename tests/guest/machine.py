"""One guest: booted from the image, given the checkout, asked to run programs, powered off.

    with Machine(build(), "6.12") as guest:
        guest.send_checkout()
        done = guest.run(["uname", "-r"])

Emulated (no KVM needed): true to the kernel's behaviour, 10 to 20 times slower.

`programs`: a directory of programs that no package has; the guest finds them by name.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from tests.guest.channel import Channel, Done, GuestError
from tests.guest.clock import counter_khz
from tests.guest.image import SITE_PACKAGES, Image
from tests.guest.recipe import DEFAULT_KERNEL, REPOSITORY

MEMORY_MB: Final = 3072
BOOT_SECONDS: Final = 400.0
CONTROL_SECONDS: Final = 60.0
CHECKOUT: Final = "/opt/agent/checkout"
_APPEND: Final = (
    "root=/dev/vda rw console=ttyS0 quiet loglevel=4 panic=-1 psi=1 "
    "mitigations=off nokaslr tsc=reliable no_timer_check "
    # AppArmor's parser is not in the guest, and Docker would ask for it.
    "lsm=lockdown,capability,yama,bpf systemd.show_status=0"
)


class Machine:
    """A running guest."""

    def __init__(
        self,
        image: Image,
        kernel: str = DEFAULT_KERNEL,
        append: str = "",
        programs: Path | None = None,
    ) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="agent-guest-")
        place = Path(self._directory.name)
        self.console = place / "console"
        files = image.kernels[kernel]
        argv = [
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512"),
            *("-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB), "-display", "none"),
            *("-no-reboot", "-nodefaults", "-nic", "none"),
            *("-serial", f"file:{self.console}"),
            *("-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"),
            *("-device", "virtio-serial", "-device", "virtio-rng-pci"),
            *("-chardev", f"socket,id=ga,path={place}/ga,server=on,wait=off"),
            *("-device", "virtserialport,chardev=ga,name=org.qemu.guest_agent.0"),
            *("-kernel", str(files.vmlinuz), "-initrd", str(files.initrd)),
            *("-append", f"{_APPEND} {_clock()} {append}"),
        ]
        if programs is not None:
            with tarfile.open(place / "programs.tar", "w") as tar:
                tar.add(programs, ".")
            argv += ["-drive", "file=programs.tar,format=raw,if=virtio,readonly=on"]
        with (place / "qemu").open("wb") as log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place
            )
        try:
            self._channel = self._connect(place / "ga")
            self._channel.await_agent(BOOT_SECONDS)
            if programs is not None:
                self._install_programs()
        except (GuestError, OSError) as error:
            tail = self.console_tail()
            self._end()
            raise GuestError(f"{error}; the console's end:\n{tail}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, argv: Sequence[str], *, data: bytes = b"", seconds: float = 120.0) -> Done:
        """Run a program in the guest, as root."""
        return self._channel.run(argv, data=data, seconds=seconds)

    def shell(self, script: str, *, seconds: float = 120.0) -> Done:
        """Run a script for bash in the guest, in the checkout."""
        return self.run(
            ["/bin/bash", "-c", f"mkdir -p {CHECKOUT}; cd {CHECKOUT}; {script}"], seconds=seconds
        )

    def python(
        self, *argv: str, before: str = "", output: str = "", seconds: float = 120.0
    ) -> Done:
        """
        Run the guest's Python in the checkout, with the locked packages.

        before: put before the command by the shell, "unshare --mount --". output: a file in the
        guest that all it prints goes to, there also when it does not end in time.
        """
        path = f"{CHECKOUT}:/{SITE_PACKAGES}"
        environment = f"HOME=/root PYTHONPATH={path} AGENT_GUEST=1 AGENT_TEST_PATIENCE=10"
        words = " ".join(f"'{word}'" for word in argv)
        to = f">{output} 2>&1" if output else ""
        return self.shell(f"{environment} {before} python3 {words} {to}", seconds=seconds)

    def send_checkout(self) -> None:
        """Give the guest this checkout: all files that git does not ignore, as they are now."""
        listed = subprocess.run(
            ["git", "ls-files", "-coz", "--exclude-standard"],
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
        ).stdout.split(b"\0")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name in listed:
                path = REPOSITORY / name.decode()
                if name and path.is_file():
                    tar.add(path, name.decode())
        script = f"mkdir -p {CHECKOUT} && tar -xz -C {CHECKOUT} && git -C {CHECKOUT} init -q"
        done = self.run(["/bin/bash", "-c", script], data=archive.getvalue(), seconds=300)
        if done.status:
            raise GuestError(f"checkout: {done.stderr.decode()}")

    def _connect(self, control: Path) -> Channel:
        """Connect once QEMU listens: the socket's file is there a moment before that."""
        deadline = time.monotonic() + CONTROL_SECONDS
        while True:
            try:
                return Channel(control)
            except (FileNotFoundError, ConnectionRefusedError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    said = control.with_name("qemu").read_text(errors="replace")[-500:]
                    raise GuestError(f"qemu: {said or error}") from None
            time.sleep(0.05)

    def _install_programs(self) -> None:
        done = self.run(["tar", "-xf", "/dev/vdb", "-C", "/usr/local/bin"], seconds=300)
        if done.status:
            raise GuestError(f"programs: {done.stderr.decode()}")

    def console_tail(self) -> str:
        """The last lines of the kernel's console."""
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return "\n".join(text.splitlines()[-15:])

    def close(self) -> None:
        """End the guest. Its disk is thrown away, so it need not shut down."""
        self._channel.close()
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()


def _clock() -> str:
    khz = counter_khz()
    return "" if khz is None else f"tsc_early_khz={khz}"
