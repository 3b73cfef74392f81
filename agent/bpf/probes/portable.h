/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One source for both loaders: NAME.bpf.c that includes this is compiled ahead into the CO-RE object,
 * and on the host by bcc (-DBCC). What differs:
 *
 *	HASH, LRU_HASH, PER_CPU_HASH	a map: its name, key, value, entries
 *	ARRAY, PER_CPU_ARRAY, MAPPED	likewise without a key; MAPPED: userspace may map it
 *	RING				a ring buffer: its name, its size in pages of 4 KiB
 *	LOOKUP, INSERT, UPDATE, DELETE	what is done with it. INSERT fails where the key is there.
 *	EMIT				put a record into a ring. Not 0 where it is full.
 *	PROGRAM, PACKETS, SAMPLER	a program: PROGRAM(its tracepoint, its name)
 *	ARGUMENT			what a tracepoint passes
 *	CURRENT				the task that runs
 *	READ				a field of a kernel struct
 *	FETCH				the same by bpf_probe_read_kernel, which lockdown=confidentiality
 *					forbids: for pointers whose type the verifier does not know
 *	OFFSET_OF			where it is in the struct
 *	OPTIONAL			one that not every kernel has, or else another value
 *	HAS				whether this kernel has it
 *
 * bcc puts in map accesses by its rewriter, which does not look into macros. So agent/bpf/bcc_child.py
 * replaces these five, OPTIONAL and HAS in the text, before bcc sees it: each stands on one line of
 * NAME.bpf.c or of a NAME.bpf.h, with names and not expressions as its first arguments. It also puts in
 * how many entries a map gets on this host, so each map is one line too; and takes the suffix ___ off
 * a struct's name, as libbpf does.
 */
#ifndef PORTABLE_H
#define PORTABLE_H

#ifdef BCC

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define HASH(name, key, value, entries) BPF_TABLE("hash", key, value, name, entries)
#define LRU_HASH(name, key, value, entries) BPF_TABLE("lru_hash", key, value, name, entries)
#define PER_CPU_HASH(name, key, value, entries) BPF_TABLE("percpu_hash", key, value, name, entries)
#define ARRAY(name, value, entries) BPF_TABLE("array", u32, value, name, entries)
#define PER_CPU_ARRAY(name, value, entries) BPF_TABLE("percpu_array", u32, value, name, entries)
#define MAPPED(name, value, entries) \
	BPF_F_TABLE("array", u32, value, name, entries, BPF_F_MMAPABLE)
/* bcc's own header wants it, and no kernel header is there to say it. */
#define PAGE_SIZE 4096
#define RING(name, pages) BPF_RINGBUF_OUTPUT(name, pages)

#define PROGRAM(tracepoint, name) int name(struct bpf_raw_tracepoint_args *context)
#define PACKETS(direction, name) int name(struct __sk_buff *skb)
#define SAMPLER(name) int name(struct bpf_perf_event_data *context)
#define ARGUMENT(type, number) ((type)context->args[number])
#define CURRENT ((struct task_struct *)bpf_get_current_task())

/*
 * Explicit, since bcc's own rewriting of `a->b` does not follow pointers from a raw context. And by
 * the offset alone: of a struct with aligned members, cfs_rq, `&a->b` came out 16 bytes too far.
 */
#define FETCH(pointer, field) ({                                                              \
	typeof((pointer)->field) value_ = 0;                                                  \
	bpf_probe_read_kernel(&value_, sizeof(value_),                                        \
			      (void *)(pointer) + (u64)&((typeof(pointer))0)->field);         \
	value_;                                                                               \
})
#define READ(pointer, field) FETCH(pointer, field)
#define OFFSET_OF(type, field) __builtin_offsetof(type, field)

static __always_inline u64 current_cgroup(void)
{
	return bpf_get_current_cgroup_id();
}

#else

#include "kernel_types.h"

#define HASH(name, k, v, entries) MAP(BPF_MAP_TYPE_HASH, name, k, v, entries)
#define LRU_HASH(name, k, v, entries) MAP(BPF_MAP_TYPE_LRU_HASH, name, k, v, entries)
#define PER_CPU_HASH(name, k, v, entries) MAP(BPF_MAP_TYPE_PERCPU_HASH, name, k, v, entries)
#define ARRAY(name, v, entries) MAP(BPF_MAP_TYPE_ARRAY, name, __u32, v, entries)
#define PER_CPU_ARRAY(name, v, entries) MAP(BPF_MAP_TYPE_PERCPU_ARRAY, name, __u32, v, entries)
#define RING(name, pages)                                                                     \
	struct {                                                                              \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                           \
		__uint(max_entries, pages * 4096);                                            \
	} name SEC(".maps")
#define MAP(kind, name, k, v, entries)                                                        \
	struct {                                                                              \
		__uint(type, kind);                                                           \
		__uint(max_entries, entries);                                                 \
		__type(key, k);                                                               \
		__type(value, v);                                                             \
	} name SEC(".maps")
#define MAPPED(name, v, entries)                                                              \
	struct {                                                                              \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                             \
		__uint(map_flags, BPF_F_MMAPABLE);                                            \
		__uint(max_entries, entries);                                                 \
		__type(key, __u32);                                                           \
		__type(value, v);                                                             \
	} name SEC(".maps")

#define LOOKUP(map, key) bpf_map_lookup_elem(&map, key)
#define INSERT(map, key, value) bpf_map_update_elem(&map, key, value, BPF_NOEXIST)
#define UPDATE(map, key, value) bpf_map_update_elem(&map, key, value, 0)
#define DELETE(map, key) bpf_map_delete_elem(&map, key)
#define EMIT(map, record, size, flags) bpf_ringbuf_output(&map, record, size, flags)

#define PROGRAM(tracepoint, name) SEC("tp_btf/" #tracepoint) int name(__u64 *context)
#define PACKETS(direction, name) SEC("cgroup_skb/" #direction) int name(struct __sk_buff *skb)
#define SAMPLER(name) SEC("perf_event") int name(void *context)
#define ARGUMENT(type, number) ((type)context[number])
#define CURRENT (bpf_get_current_task_btf())
#define READ(pointer, field) ((pointer)->field)
#define FETCH(pointer, field) ({                                                              \
	typeof((pointer)->field) value_ = 0;                                                  \
	bpf_probe_read_kernel(&value_, sizeof(value_), &(pointer)->field);                    \
	value_;                                                                               \
})
#define OFFSET_OF(type, field) __builtin_preserve_field_info(((type *)0)->field, 0 /* BYTE_OFFSET */)
#define HAS(struct_, field) field_exists(((struct struct_ *)0)->field)
#define OPTIONAL(struct_, pointer, field, otherwise)                                          \
	(field_exists(((struct struct_ *)pointer)->field) ? ((struct struct_ *)pointer)->field  \
							  : (otherwise))

/* enum bpf_map_type, and flags of a map: Linux ABI, include/uapi/linux/bpf.h */
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PERCPU_HASH 5
#define BPF_MAP_TYPE_LRU_HASH 9
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_F_MMAPABLE 1024

static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_current_comm)(void *to, __u32 size) = (void *)16;
static long (*const bpf_get_stack)(void *context, void *to, __u32 size, __u64 flags) = (void *)67;
static long (*const bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static long (*const bpf_ringbuf_output)(void *ring, void *from, __u64 size, __u64 flags) =
	(void *)130;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;

#endif

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = READ(task, cgroups);
	struct cgroup *cgroup = READ(set, dfl_cgrp);
	struct kernfs_node *node = READ(cgroup, kn);

	return READ(node, id);
}

#ifndef BCC
/* Without a call: a nanosecond less of each system call than the helper. */
static __always_inline __u64 current_cgroup(void)
{
	return cgroup_of(CURRENT);
}
#endif

#endif
