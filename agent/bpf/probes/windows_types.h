/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * portable.h for the probes that run in windows: other parts of the same structs. ___window is a
 * suffix libbpf takes off.
 */
#ifndef WINDOWS_TYPES_H
#define WINDOWS_TYPES_H

#include "portable.h"

#ifdef BCC

/* A bit field has no address. It is in the eight bytes before atomic_flags, on all kernels known. */
static __always_inline int in_iowait(struct task_struct *task)
{
	u64 before = 0;
	const u32 at = __builtin_offsetof(struct task_struct, atomic_flags) - sizeof(before);
	struct task_struct *copy = (void *)&before - at;

	bpf_probe_read_kernel(&before, sizeof(before), (void *)task + at);
	return copy->in_iowait;
}

#else

typedef long long __s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs___x86 {
	unsigned long orig_ax;
};

/* Linux on 64-bit ARM. */
struct pt_regs___arm64 {
	__s32 syscallno;
};

struct thread_info___x86 {
	__u32 status;
};

struct sched_info {
	__u64 last_queued;
};

struct rq {
	__u64 clock;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct task_struct___window {
	unsigned int in_iowait : 1;
	struct sched_entity se;
	struct sched_info sched_info;
};

#pragma clang attribute pop

/* A bit field of a kernel struct, wherever this kernel has it: below 64 bits and not signed. */
#define bitfield(pointer, field) ({                                                            \
	__u32 offset_ = __builtin_preserve_field_info((pointer)->field, 0 /* BYTE_OFFSET */);  \
	__u32 size_ = __builtin_preserve_field_info((pointer)->field, 1 /* BYTE_SIZE */);      \
	const void *at_ = (const char *)(pointer) + offset_;                                   \
	__u64 bits_ = 0;                                                                       \
	switch (size_) {                                                                       \
	case 1: bits_ = *(const __u8 *)at_; break;                                             \
	case 2: bits_ = *(const unsigned short *)at_; break;                                   \
	case 4: bits_ = *(const __u32 *)at_; break;                                            \
	case 8: bits_ = *(const __u64 *)at_; break;                                            \
	}                                                                                      \
	bits_ <<= __builtin_preserve_field_info((pointer)->field, 4 /* LSHIFT_U64 */);         \
	bits_ >> __builtin_preserve_field_info((pointer)->field, 5 /* RSHIFT_U64 */);          \
})

static __always_inline int in_iowait(struct task_struct *task)
{
	return bitfield((struct task_struct___window *)task, in_iowait);
}

#endif

#endif
