// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Tells of each cgroup when it is made and removed, with its path while it has one, and of first
 * processes how they end, before anybody can have taken the status away.
 *
 * A path is read by bpf_probe_read_kernel_str: under lockdown=confidentiality only ends are told.
 */
#include "portable.h"
#include "cgroups.h"

#define DROPS 2
#include "drops.bpf.h"

#ifndef BCC
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup___root {
	struct cgroup_subsys_state self;
	struct cgroup_root *root;
};

struct pid_namespace {
	struct task_struct *child_reaper;
};

struct nsproxy {
	struct pid_namespace *pid_ns_for_children;
};

struct task_struct___first {
	struct nsproxy *nsproxy;
};

#pragma clang attribute pop
#endif

#define DROPS 2
#include "drops.bpf.h"

HASH(counts, struct cgroups_key, __u64, 1024);
HASH(wanted, __u32, __u32, CGROUPS_WANTED);
RING(events, CGROUPS_RING_PAGES);

static __always_inline int is_wanted(__u32 what)
{
	return LOOKUP(wanted, &what) != 0;
}

static __always_inline void count(struct cgroup *cgroup, __u32 what)
{
	struct cgroups_key key = { .what = what };
	struct cgroup_subsys_state *above = READ((struct cgroup___root *)cgroup, self.parent);
	struct kernfs_node *node;
	__u64 one = 1, *seen;

	if (!above)
		return;
	cgroup = READ(above, cgroup);
	node = READ(cgroup, kn);
	key.cgroup = READ(node, id);
	seen = LOOKUP(counts, &key);
	if (!seen) {
		if (!INSERT(counts, &key, &one))
			return;
		/* Full, or another CPU was first. */
		seen = LOOKUP(counts, &key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop(CGROUPS_FULL);
}

static __always_inline void tell(struct cgroup *cgroup, const char *path, __u32 what)
{
	struct cgroup_root *root = READ((struct cgroup___root *)cgroup, root);
	struct kernfs_node *node = READ(cgroup, kn);
	struct cgroup_event event = {};

	event.what = what;
	event.hierarchy = READ(root, hierarchy_id);
	if (!event.hierarchy)
		count(cgroup, what);
	if (!is_wanted(CGROUPS_OF | event.hierarchy))
		return;
	event.cgroup = READ(node, id);
	bpf_probe_read_kernel_str(event.path, sizeof(event.path), path);
	if (EMIT(events, &event, sizeof(event), 0))
		drop(CGROUPS_UNTOLD);
}

PROGRAM(cgroup_mkdir, on_mkdir)
{
	tell(ARGUMENT(struct cgroup *, 0), ARGUMENT(const char *, 1), CGROUPS_MADE);
	return 0;
}

PROGRAM(cgroup_rmdir, on_rmdir)
{
	tell(ARGUMENT(struct cgroup *, 0), ARGUMENT(const char *, 1), CGROUPS_REMOVED);
	return 0;
}

/* Fires for each thread. The main thread stands for the process. */
PROGRAM(sched_process_exit, on_exit)
{
	struct task_struct *task = ARGUMENT(struct task_struct *, 0);
	struct cgroup_event event = {};
	struct pid_namespace *space;
	struct task_struct *first;
	struct nsproxy *spaces;
	__s32 pid = READ(task, tgid);

	if (READ(task, pid) != pid || !is_wanted(0))
		return 0;
	if (!is_wanted(pid)) {
		spaces = READ((struct task_struct___first *)task, nsproxy);
		if (!spaces)
			return 0;
		space = READ(spaces, pid_ns_for_children);
		if (!space)
			return 0;
		first = READ(space, child_reaper);
		if (!first || READ(first, pid) != pid)
			return 0;
	}
	event.what = CGROUPS_ENDED;
	event.cgroup = cgroup_of(task);
	event.pid = pid;
	event.status = READ(task, exit_code);
	if (EMIT(events, &event, CGROUPS_END_SIZE, 0))
		drop(CGROUPS_UNTOLD);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
