/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the lifecycle probe counts, and the layout userspace reads: stated here once, for the CO-RE
 * object, for bcc, and for agent/bpf/lifecycle.py, which a test compares with this file.
 *
 * Map "counts": hash, struct lifecycle_key -> __u64, only rises.
 * Map "drops":  per-CPU array of one __u64: events lost because "counts" was full.
 *
 * Includers define __u32 and __u64 first: the CO-RE program by kernel_types.h, bcc by vmlinux.h.
 */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include "durations.h"

/* One container uses an entry for each kind of end its processes met, usually under twelve. */
#define LIFECYCLE_MAX_ENTRIES 16384

enum lifecycle_event {
	LIFECYCLE_EXEC = 1,	/* code: 0 */
	LIFECYCLE_EXIT = 2,	/* code: what the process passed to exit(), 0 to 255 */
	LIFECYCLE_SIGNAL = 3,	/* code: the signal that ended the process, 1 to 64 */
	LIFECYCLE_OOM = 4,	/* code: 0 */
	LIFECYCLE_LIFETIME = 5,	/* code: slot of durations.h, of how long a process lived */
	LIFECYCLE_LIVED_NS = 6,	/* code: 0; nanoseconds, of all that ended together */
};

struct lifecycle_key {
	__u64 cgroup;		/* id in the default hierarchy: st_ino of the cgroup2 directory */
	__u32 event;		/* enum lifecycle_event */
	__u32 code;
};

/* The map compares keys byte by byte: a hole in the struct would split counters at random. */
_Static_assert(sizeof(struct lifecycle_key) == 16, "lifecycle_key has no padding");

/* task_struct.exit_code is wait(2)'s status word. */
#define LIFECYCLE_STATUS_SIGNAL(status) ((__u32)(status) & 0x7f)
#define LIFECYCLE_STATUS_CODE(status) (((__u32)(status) >> 8) & 0xff)

/* signal_struct.flags, a macro in the kernel and so not in BTF; 4 since Linux 2.6. */
#define LIFECYCLE_SIGNAL_GROUP_EXIT 0x4

#endif
