"""Compile a probe with bcc, load it, hand its descriptors over, end. Run as a program, by path.

    python3 -I bcc_child.py SOCKET PLAN

SOCKET is the number of an inherited SOCK_SEQPACKET socket, PLAN a JSON object (`bcc_loader` writes
it). One message goes back: JSON with the names, and as many descriptors by SCM_RIGHTS:

    {"programs": ["on_exec"], "maps": ["counts"], "off": {"on_oom": "why"}}

Anything that goes wrong as a whole ends the program with a message on stderr and no answer.

A process of its own, because importing bcc brings LLVM: over 100 MiB that no free gives back. It
uses the standard library and bcc alone, since it may run under the distribution's older Python.

No kernel headers: bcc is given a directory that looks like a kernel tree, in which every header is
empty but one, which includes vmlinux.h, made by bpftool from the running kernel's BTF. Headers of
another kernel would compile as well, and read wrong memory.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Collection, Mapping
from typing import NamedTuple, TypedDict

_BTF = "/sys/kernel/btf/vmlinux"
_BPFTOOL_SECONDS = 60

# What bcc includes by itself before any program. vmlinux.h has the types; the macros below are what
# bcc's own helpers.h needs beside types.
_EMPTY = (
    "uapi/linux/bpf.h",
    "uapi/linux/if_packet.h",
    "uapi/linux/ptrace.h",
    "uapi/linux/bpf_perf_event.h",
    "linux/version.h",
    "linux/log2.h",
    "linux/types.h",
    "linux/sched.h",
    "linux/fs.h",
    "linux/cgroup.h",
    "linux/bpf.h",
    "asm/page.h",
)
_KCONFIG = """\
#define CONFIG_BPF_SYSCALL 1
#define __LINUX_BPF_H__
#define _UAPI__LINUX_BPF_H__
#define BPF_NO_PRESERVE_ACCESS_INDEX
#define LINUX_VERSION_CODE 0
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define __user
#define NULL ((void *)0)
#include <vmlinux.h>
"""


_KINDS = {
    "tracepoint": "RAW_TRACEPOINT",
    "perf_event": "PERF_EVENT",
    "cgroup_ingress": "CGROUP_SKB",
    "cgroup_egress": "CGROUP_SKB",
}
"""Kind of a program -> what bcc.BPF calls it."""
_METHODS = {
    "LOOKUP": "lookup",
    "INSERT": "insert",
    "UPDATE": "update",
    "DELETE": "delete",
    "EMIT": "ringbuf_output",
}
"""Macro of portable.h -> what bcc's rewriter calls it."""


class ProgramPlan(TypedDict):
    """See probeset.Program."""

    name: str
    kind: str
    tracepoint: str
    first_argument: str


class Plan(TypedDict):
    """What `bcc_loader.load` asks for."""

    bcc: str
    bpftool: str
    scratch: str
    source: str
    programs: list[ProgramPlan]
    maps: list[str]
    sizes: dict[str, int]


class Refused(Exception):
    """The message is for the operator."""


def main(arguments: list[str]) -> int:
    """Do it, and return the exit code."""
    answer = socket.socket(fileno=int(arguments[0]))
    plan: Plan = json.loads(arguments[1])
    # Two seconds of compiling must not delay a container.
    os.nice(10)
    try:
        with open(_BTF, "rb") as file:
            layouts = parse_layouts(file.read())
        types = with_byte_enums(kernel_types(plan["bpftool"]), layouts.byte_enums)
        write_kernel_tree(plan["scratch"], types)
        os.environ["BCC_KERNEL_SOURCE"] = plan["scratch"]
        programs, maps, off = compile_and_load(plan, types, layouts.sizes)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    names = {"programs": list(programs), "maps": list(maps), "off": off}
    socket.send_fds(answer, [json.dumps(names).encode()], [*programs.values(), *maps.values()])
    return 0


def kernel_types(bpftool: str) -> str:
    """The text of vmlinux.h."""
    try:
        done = subprocess.run(
            [bpftool, "btf", "dump", "file", _BTF, "format", "c"],
            capture_output=True,
            timeout=_BPFTOOL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"{bpftool} did not write the kernel's types: {error}") from error
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip() or "nothing"
        raise Refused(
            f"{bpftool} did not write the kernel's types: it ended with code {done.returncode}"
            f" and said {said}"
        )
    return done.stdout.decode("utf-8", "replace")


class Layouts(NamedTuple):
    """What of BTF bpftool's C does not say."""

    byte_enums: frozenset[str]
    """Names of enums that take one byte, or of the typedefs of those without a name."""
    sizes: dict[str, int]
    """Name of a struct -> bytes."""


_BTF_MORE = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8)}
_BTF_MORE.update({14: (4, 0), 15: (0, 12), 17: (4, 0), 19: (0, 12)})
"""Kind of a type -> bytes that follow its head: (always, for each of its members)."""
_STRUCT, _ENUM, _TYPEDEF = 4, 6, 8


def parse_layouts(btf: bytes) -> Layouts:
    """
    Read BTF. Raise Refused where it is not BTF.

    https://docs.kernel.org/bpf/btf.html
    """
    try:
        magic, _, _, head, types, types_length, strings, _ = struct.unpack_from("=HBBIIIII", btf)
        if magic != 0xEB9F:
            raise Refused(f"the kernel's types begin with {magic:#x}, not BTF's magic number")
        at, end, strings = head + types, head + types + types_length, head + strings

        def name(offset: int) -> str:
            start = strings + offset
            return btf[start : btf.index(b"\0", start)].decode("utf-8", "replace")

        byte_enums: dict[int, str] = {}
        typedefs: list[tuple[int, int]] = []
        sizes: dict[str, int] = {}
        number = 0
        while at < end:
            number += 1
            name_at, info, size = struct.unpack_from("=III", btf, at)
            kind, members = info >> 24 & 0x1F, info & 0xFFFF
            if kind == _STRUCT and name_at:
                sizes[name(name_at)] = size
            elif kind == _ENUM and size == 1:
                byte_enums[number] = name(name_at)
            elif kind == _TYPEDEF:
                typedefs.append((name_at, size))
            always, each = _BTF_MORE.get(kind, (0, 0))
            at += 12 + always + each * members
        for name_at, of in typedefs:
            if byte_enums.get(of) == "":
                byte_enums[of] = name(name_at)
    except (struct.error, ValueError) as error:
        raise Refused(f"the kernel's types are not understood: {error}") from error
    return Layouts(frozenset(byte_enums.values()) - {""}, sizes)


def with_byte_enums(types: str, names: Collection[str]) -> str:
    """
    vmlinux.h in which these enums take one byte.

    bpftool 7.1 writes them as if they took four, and what follows them in a struct would be read
    from the wrong place. A bpftool that writes the attribute itself is left alone.
    """

    def smaller(found: re.Match[str]) -> str:
        head, tag, body, typedef = found.groups()
        if (tag or typedef) not in names:
            return found[0]
        return f"{head}{tag}{body} __attribute__((mode(byte))){typedef and ' ' + typedef};"

    return re.sub(
        r"^((?:typedef )?enum )(\w*)( ?\{[^}]*\}) ?(\w*);", smaller, types, flags=re.MULTILINE
    )


def size_checks(source: str, sizes: dict[str, int]) -> str:
    """C that does not compile where a struct which the source names has another size here."""
    return "".join(
        f'_Static_assert(sizeof(struct {name}) == {sizes[name]}, "layout of struct {name}");\n'
        for name in sorted(set(re.findall(r"\bstruct (\w+) \*", source)))
        if name in sizes
    )


def write_kernel_tree(directory: str, types: str) -> None:
    """Make the directory BCC_KERNEL_SOURCE points at."""
    files = {"include/linux/kconfig.h": _KCONFIG, "include/vmlinux.h": types}
    files.update((f"include/{name}", "") for name in _EMPTY)
    for name, text in files.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def has_field(types: str, struct: str, field: str) -> bool:
    """Does the struct have a member of that name, in vmlinux.h."""
    body = re.search(rf"^struct {struct} \{{\n(.*?)^\}}", types, re.MULTILINE | re.DOTALL)
    return body is not None and re.search(rf"\b{field}\b[^;\n]*;", body[1]) is not None


def first_argument(types: str, tracepoint: str) -> str:
    """
    The C type of what a tracepoint passes first, "" where vmlinux.h does not have the tracepoint.

        typedef void (*btf_trace_mark_victim)(void *, struct task_struct *, uid_t);
    """
    typedef = re.search(rf"\(\*btf_trace_{tracepoint}\)\(void \*, ([^,)]+)", types)
    return typedef[1] if typedef else ""


def missing_helpers(library: bytes, types: str) -> list[str]:
    """
    The BPF helpers which bcc's own header names and this kernel is too old to have.

    The header, helpers.h, is text inside libbcc.so, and each name must be an enumerator of
    vmlinux.h. Defined as 0 they compile; a program that calls one is refused by the kernel.
    """
    named = {name.decode() for name in re.findall(rb"\bBPF_FUNC_[a-z0-9_]+", library)}
    return sorted(named.difference(re.findall(r"\bBPF_FUNC_[a-z0-9_]+", types)))


def libbcc() -> bytes:
    """The library that `import bcc` has loaded."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            _, slash, rest = line.rstrip("\n").partition("/")
            if "/libbcc.so" in slash + rest:
                with open(slash + rest, "rb") as library:
                    return library.read()
    raise Refused("bcc has not loaded libbcc.so")


def with_headers(path: str, ours: str) -> str:
    """
    The text of a source, with the text of each NAME.bpf.h of ours in the place of its #include.

    bcc rewrites what is in the text it is given, and no header.
    """

    def inline(found: re.Match[str]) -> str:
        header = os.path.join(ours, found[1])
        line = text.count("\n", 0, found.end()) + 2
        return f'{with_headers(header, ours)}\n#line {line} "{path}"'

    with open(path, encoding="utf-8") as file:
        text = file.read()
    inlined = re.sub(r'^#include "(\w+\.bpf\.h)"$', inline, text, flags=re.MULTILINE)
    return f'#line 1 "{path}"\n{inlined}'


def portable(source: str, types: str, sizes: Mapping[str, int]) -> str:
    """
    The text of a source for both loaders as bcc can rewrite it: see probes/portable.h.

    LOOKUP(counts, &key) becomes counts.lookup(&key); OPTIONAL(struct, pointer, field, otherwise)
    the field where this kernel's struct has it, and HAS(struct, field) 1 or 0. A suffix ___ of a
    struct's name is libbpf's alone. `sizes`: map -> its entries.
    """

    def optional(found: re.Match[str]) -> str:
        struct, pointer, field, otherwise = found.groups()
        if has_field(types, struct.partition("___")[0], field):
            return f"READ((struct {struct} *){pointer}, {field})"
        return otherwise

    def has(found: re.Match[str]) -> str:
        return str(int(has_field(types, found[1].partition("___")[0], found[2])))

    def sized(found: re.Match[str]) -> str:
        return f"{found[1]}{sizes.get(found[2], found[3])});"

    source = re.sub(
        r"\b(LOOKUP|INSERT|UPDATE|DELETE|EMIT)\((\w+), ",
        lambda found: f"{found[2]}.{_METHODS[found[1]]}(",
        source,
    )
    source = re.sub(r"\bOPTIONAL\((\w+), (\w+), (\w+), (\w+)\)", optional, source)
    source = re.sub(r"\bHAS\((\w+), (\w+)\)", has, source)
    source = re.sub(r"^([A-Z_]+\((\w+), .*, )(\w+)\);$", sized, source, flags=re.MULTILINE)
    return re.sub(r"\b(struct \w+?)___\w+", r"\1", source)


def wrong_argument(types: str, program: ProgramPlan) -> str:
    """Why this program must not run on this kernel, "" where it may."""
    wanted = program["first_argument"]
    passed = first_argument(types, program["tracepoint"])
    if not wanted or passed == wanted:
        return ""
    if not passed:
        return f"the kernel's types do not say what tracepoint {program['tracepoint']} passes"
    return f"tracepoint {program['tracepoint']} passes {passed} here, not {wanted}"


def compile_and_load(
    plan: Plan, types: str, sizes: dict[str, int]
) -> tuple[dict[str, int], dict[str, int], dict[str, str]]:
    """Return (program name -> fd, map name -> fd, program name -> why it is not there)."""
    source = plan["source"]
    # First, as what pip installed for the whole system comes before it, and may be the other bcc.
    sys.path.insert(0, plan["bcc"])
    from bcc import BPF

    ours = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probes")
    flags = ["-I" + os.path.dirname(source), "-I" + ours, "-DBCC"]
    flags += [f"-D{name}=0" for name in missing_helpers(libbcc(), types)]
    # For the user's own, which name them; ours have a number, which `portable` replaces.
    flags += [f"-DENTRIES_{name}={entries}" for name, entries in plan["sizes"].items()]
    text = portable(with_headers(source, ours), types, plan["sizes"])
    text += size_checks(text, sizes)
    try:
        compiled = BPF(text=text.encode(), cflags=flags)
    except Exception as error:  # bcc raises Exception; clang's words are on stderr
        raise Refused(f"bcc cannot compile {source}: {error}") from error
    programs: dict[str, int] = {}
    off: dict[str, str] = {}
    for program in plan["programs"]:
        name = program["name"]
        off[name] = wrong_argument(types, program)
        if off[name]:
            continue
        try:
            kind = getattr(BPF, _KINDS[program["kind"]])
            programs[name] = compiled.load_func(name.encode(), kind).fd
        except Exception as error:  # noqa: BLE001 bcc raises Exception, and one may fail alone
            off[name] = str(error)
    maps = {name: compiled[name.encode()].map_fd for name in plan["maps"]}
    return programs, maps, {name: reason for name, reason in off.items() if reason}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
