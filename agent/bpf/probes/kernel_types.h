/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The few kernel types, fields and helpers the CO-RE programs use, written by hand so that no kernel
 * header is ever needed. The structs name fields, not offsets: libbpf puts in the offsets of the
 * running kernel, from its BTF, when it loads the object.
 *
 * A name with ___ and a suffix is another kernel's version of the same struct.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

typedef unsigned char __u8;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))

/* A map definition in BTF: libbpf reads these from the types of the members. */
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

/* True where the running kernel has this field. */
#define field_exists(field) __builtin_preserve_field_info(field, 2 /* BPF_FIELD_EXISTS */)

/* enum bpf_map_type, and flags of bpf_map_update_elem: Linux ABI, include/uapi/linux/bpf.h */
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_NOEXIST 1

/* enum bpf_func_id, likewise. */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					 __u64 flags) = (void *)2;
static __u64 (*const bpf_get_current_cgroup_id)(void) = (void *)80;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct;

struct signal_struct {
	unsigned int flags;
	struct task_struct *group_exec_task;
};

/*
 * Before Linux kernel commit 60700e38fb68 ("signal: Rename group_exit_task group_exec_task")
 * (in v5.17).
 */
struct signal_struct___before_5_17 {
	struct task_struct *group_exit_task;
};

struct task_struct {
	__s32 pid;
	__s32 tgid;
	int exit_code;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

#pragma clang attribute pop

#endif
