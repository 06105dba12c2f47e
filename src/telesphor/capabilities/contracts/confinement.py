"""What a worker gives up before it runs anyone's code: files, sockets, processes, and all of the kernel it can do
without.

Resource limits hold on every POSIX system. On Linux (x86-64, arm64) a seccomp filter holds as well: a worker then
has memory, its two pipes and its end, and every other system call is refused. Either is for good.

Start at `confine`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sys
from typing import Final, Literal

Confinement = Literal["seccomp", "limits"]

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUALS: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_NR: Final = 0  # offsets in struct seccomp_data (seccomp(2))
_ARCH: Final = 4
_FIRST_ARGUMENT: Final = 16  # its lower half, on little-endian machines

# Memory, time, the pipes, signals to itself (abort) and the end. Numbers of the two tables in the kernel's sources.
_X86_64: Final = {
    "read": 0, "write": 1, "close": 3, "poll": 7, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "writev": 20, "sched_yield": 24,
    "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "gettid": 186, "futex": 202,
    "clock_gettime": 228, "exit_group": 231, "sigaltstack": 131, "getrusage": 98,
    "getrandom": 318, "restart_syscall": 219,
}  # fmt: skip
_ARM64: Final = {
    "read": 63, "write": 64, "close": 57, "ppoll": 73, "mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "pread64": 67, "writev": 66,
    "sched_yield": 124, "mremap": 216, "madvise": 233, "getpid": 172, "exit": 93, "gettid": 178, "futex": 98,
    "clock_gettime": 113, "exit_group": 94, "sigaltstack": 132, "getrusage": 165,
    "getrandom": 278, "restart_syscall": 128,
}  # fmt: skip
# `tgkill`, which `abort` needs, and `prlimit64`: of this process only, or they would reach its parent.
_OF_ITSELF: Final = {"x86_64": (234, 302), "aarch64": (131, 261)}
_TABLES: Final = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _ARM64)}


def confine() -> Confinement:
    """Give up for good what a worker does not need; returns what holds now."""
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    return "seccomp" if sys.platform == "linux" and _filter_calls() else "limits"


class _Instruction(ctypes.Structure):
    """`struct sock_filter`."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def _filter_calls() -> bool:
    found = _TABLES.get(platform.machine())
    if found is None:
        return False
    steps = _assemble(*found, of_itself=_OF_ITSELF[platform.machine()], pid=os.getpid())
    array = (_Instruction * len(steps))(*steps)
    program = _Program(len(steps), array)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _assemble(
    arch: int, calls: dict[str, int], *, of_itself: tuple[int, ...], pid: int
) -> list[_Instruction]:
    """Another architecture's numbering ends the process; a call that is not in the table is refused.

    Args:
        of_itself: calls whose first argument must be 0 or this process.
    """
    steps = [
        _Instruction(_LOAD, 0, 0, _ARCH),
        _Instruction(_EQUALS, 1, 0, arch),
        _Instruction(_RETURN, 0, 0, _KILL),
        _Instruction(_LOAD, 0, 0, _NR),
    ]
    for number in of_itself:
        steps += [
            _Instruction(_EQUALS, 0, 5, number),
            _Instruction(_LOAD, 0, 0, _FIRST_ARGUMENT),
            _Instruction(_EQUALS, 2, 0, 0),
            _Instruction(_EQUALS, 1, 0, pid),
            _Instruction(_RETURN, 0, 0, _REFUSE),
            _Instruction(_RETURN, 0, 0, _ALLOW),
        ]
    numbers = sorted(calls.values())
    for place, number in enumerate(numbers):
        steps.append(_Instruction(_EQUALS, len(numbers) - place, 0, number))
    return [*steps, _Instruction(_RETURN, 0, 0, _REFUSE), _Instruction(_RETURN, 0, 0, _ALLOW)]
