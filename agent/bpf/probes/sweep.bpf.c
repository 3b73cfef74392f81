// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * One walk of a cgroup hierarchy (iter/cgroup, Linux 6.1) writes what every cgroup in it has used
 * into an array userspace has mapped. Nothing is written but by a walk userspace starts.
 *
 * The same walk twice: walk_typed follows typed pointers alone (bpf_rdonly_cast, Linux 6.2), which
 * lockdown=confidentiality allows and costs half; walk_read copies with bpf_probe_read_kernel.
 */
#include "portable.h"
#include "sweep.h"

#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))
#define type_id(type) __builtin_btf_type_id(*(type *)0, 1 /* BPF_TYPE_ID_TARGET */)
#define enum_value(type, name) \
	__builtin_preserve_enum_value(*(enum type *)name, 1 /* BPF_ENUMVAL_VALUE */)

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* Values are the running kernel's: libbpf puts them in by the names. */
enum cgroup_subsys_id { cpu_cgrp_id = 1, memory_cgrp_id = 2, pids_cgrp_id = 3 };
enum memcg_memory_event {
	MEMCG_LOW,
	MEMCG_HIGH,
	MEMCG_MAX,
	MEMCG_OOM,
	MEMCG_OOM_KILL,
	MEMCG_OOM_GROUP_KILL,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	long counter;
} atomic64_t;

struct cgroup_subsys_state {
	int id;
};

struct task_cputime {
	__u64 stime;
	__u64 utime;
	__u64 sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct prev_cputime {
	__u64 utime;
	__u64 stime;
};

struct psi_group {
	_Bool enabled;
	__u64 total[12];
};

/* As BTF made by newer tools describes it: two dimensions. */
struct psi_group___nested {
	__u64 total[2][6];
};

struct cgroup___swept {
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[16];
	struct cgroup_base_stat bstat;
	struct prev_cputime prev_cputime;
	struct psi_group *psi;
	int level;
};

struct cfs_bandwidth {
	__u64 period;
	__u64 quota;
	int nr_periods;
	int nr_throttled;
	int nr_burst;
	__u64 throttled_time;
	__u64 burst_time;
};

struct task_group {
	unsigned long shares;
	struct cfs_bandwidth cfs_bandwidth;
};

struct page_counter {
	atomic64_t usage;
	unsigned long failcnt;
	unsigned long watermark;
	unsigned long min;
	unsigned long low;
	unsigned long high;
	unsigned long max;
};

struct mem_cgroup {
	struct page_counter memory;
	struct page_counter swap;
	struct page_counter kmem;
	unsigned long soft_limit;
	atomic64_t memory_events[16];
};

struct pids_cgroup {
	atomic64_t counter;
	atomic64_t limit;
	long watermark;
	atomic64_t events[2];
};

struct pids_cgroup___before_6_11 {
	atomic64_t events_limit;
};

struct bpf_iter__cgroup {
	struct cgroup___swept *cgroup;
};

#pragma clang attribute pop

MAPPED(records, struct sweep_record, SWEEP_MAX_CGROUPS);
MAPPED(walked, struct sweep_walked, 1);

/* `typed` is a constant wherever this is used, so that one branch is compiled. */
#define GET(to, from)                                                                \
	do {                                                                         \
		if (typed) {                                                         \
			(to) = (from);                                               \
		} else {                                                             \
			typeof(from) copied = 0;                                     \
                                                                                     \
			bpf_probe_read_kernel(&copied, sizeof(copied), &(from));     \
			(to) = copied;                                               \
		}                                                                    \
	} while (0)

/* The state of one controller in this cgroup, as the controller's own struct, whose first member is
 * the state; 0 where the controller is off. */
#define CONTROLLER(cgroup, number, type)                                             \
	({                                                                           \
		struct cgroup_subsys_state *state = (cgroup)->subsys[number];        \
                                                                                     \
		state && typed ? (type *)bpf_rdonly_cast(state, type_id(type)) : (type *)state; \
	})

static __always_inline void read_psi(struct sweep_record *record, struct psi_group *psi)
{
	/* enum psi_states begins IO_SOME, IO_FULL, MEM_SOME, MEM_FULL, CPU_SOME, CPU_FULL in every
	 * kernel with iter/cgroup; total[0] is the averages' half. */
	__u64 *total;

	if (field_exists(psi->total))
		total = (void *)psi + OFFSET_OF(struct psi_group, total);
	else if (field_exists(((struct psi_group___nested *)psi)->total))
		total = (void *)psi + OFFSET_OF(struct psi_group___nested, total);
	else
		return;
	record->io_some = total[0];
	record->io_full = total[1];
	record->memory_some = total[2];
	record->memory_full = total[3];
	record->cpu_some = total[4];
	record->cpu_full = total[5];
	record->has |= SWEEP_PSI;
}

static __always_inline void read_cpu(struct sweep_record *record, struct task_group *group,
				     const int typed)
{
	GET(record->shares, group->shares);
	GET(record->quota, group->cfs_bandwidth.quota);
	GET(record->period, group->cfs_bandwidth.period);
	GET(record->nr_periods, group->cfs_bandwidth.nr_periods);
	GET(record->nr_throttled, group->cfs_bandwidth.nr_throttled);
	GET(record->throttled_time, group->cfs_bandwidth.throttled_time);
	GET(record->nr_burst, group->cfs_bandwidth.nr_burst);
	GET(record->burst_time, group->cfs_bandwidth.burst_time);
	record->has |= SWEEP_CPU;
}

static __always_inline void read_memory(struct sweep_record *record, struct mem_cgroup *memcg,
					const int typed)
{
	atomic64_t *events = (void *)memcg + OFFSET_OF(struct mem_cgroup, memory_events);

	GET(record->memory, memcg->memory.usage.counter);
	GET(record->memory_watermark, memcg->memory.watermark);
	GET(record->memory_min, memcg->memory.min);
	GET(record->memory_low, memcg->memory.low);
	GET(record->memory_high, memcg->memory.high);
	GET(record->memory_max, memcg->memory.max);
	/* Without CONFIG_MEMCG_V1 a kernel from 6.11 on has none of what v1 alone shows. */
	if (field_exists(memcg->memory.failcnt))
		GET(record->memory_failcnt, memcg->memory.failcnt);
	GET(record->swap, memcg->swap.usage.counter);
	GET(record->swap_max, memcg->swap.max);
	GET(record->events_low, events[enum_value(memcg_memory_event, MEMCG_LOW)].counter);
	GET(record->events_high, events[enum_value(memcg_memory_event, MEMCG_HIGH)].counter);
	GET(record->events_max, events[enum_value(memcg_memory_event, MEMCG_MAX)].counter);
	GET(record->events_oom, events[enum_value(memcg_memory_event, MEMCG_OOM)].counter);
	GET(record->events_oom_kill,
	    events[enum_value(memcg_memory_event, MEMCG_OOM_KILL)].counter);
	GET(record->events_oom_group_kill,
	    events[enum_value(memcg_memory_event, MEMCG_OOM_GROUP_KILL)].counter);
	if (field_exists(memcg->soft_limit))
		GET(record->soft_limit, memcg->soft_limit);
	if (field_exists(memcg->kmem))
		GET(record->kmem, memcg->kmem.usage.counter);
	record->has |= SWEEP_MEMORY;
}

static __always_inline void read_pids(struct sweep_record *record, struct pids_cgroup *pids,
				      const int typed)
{
	struct pids_cgroup___before_6_11 *old = (void *)pids;

	GET(record->pids, pids->counter.counter);
	GET(record->pids_limit, pids->limit.counter);
	record->has |= SWEEP_PIDS;
	if (field_exists(pids->watermark)) {
		GET(record->pids_watermark, pids->watermark);
		record->has |= SWEEP_PEAK;
	}
	if (field_exists(pids->events)) {
		GET(record->pids_events_max, pids->events[0].counter);
		record->has |= SWEEP_PIDS_EVENTS;
	} else if (field_exists(old->events_limit)) {
		GET(record->pids_events_max, old->events_limit.counter);
		record->has |= SWEEP_PIDS_EVENTS;
	}
}

static __always_inline int walk(struct bpf_iter__cgroup *context, const int typed)
{
	struct cgroup___swept *cgroup = context->cgroup;
	struct sweep_walked *count;
	struct sweep_record *record;
	struct psi_group *psi;
	struct task_group *group;
	struct mem_cgroup *memcg;
	struct pids_cgroup *pids;
	__u32 index = 0;

	count = bpf_map_lookup_elem(&walked, &index);
	/* The last call of a walk has no cgroup. */
	if (!cgroup || !count)
		return 0;
	index = count->records;
	record = bpf_map_lookup_elem(&records, &index);
	if (!record) {
		count->dropped++;
		return 0;
	}
	count->records++;
	/* Or a record would hold what a walk of another hierarchy left, and seem to have changed. */
	__builtin_memset(record, 0, sizeof(*record));
	record->id = cgroup->kn->id;
	/* Each is a cache line or two of every cgroup, and a v1 hierarchy has none of it. */
	if (count->wanted & SWEEP_BASE) {
		record->has = SWEEP_BASE;
		record->usage = cgroup->bstat.cputime.sum_exec_runtime;
		record->user = cgroup->bstat.cputime.utime;
		record->system = cgroup->bstat.cputime.stime;
		record->shown_user = cgroup->prev_cputime.utime;
		record->shown_system = cgroup->prev_cputime.stime;
	}
	if (count->wanted & SWEEP_PSI) {
		psi = cgroup->psi;
		if (psi && psi->enabled)
			read_psi(record, psi);
	}
	group = CONTROLLER(cgroup, enum_value(cgroup_subsys_id, cpu_cgrp_id), struct task_group);
	if (group)
		read_cpu(record, group, typed);
	memcg = CONTROLLER(cgroup, enum_value(cgroup_subsys_id, memory_cgrp_id), struct mem_cgroup);
	if (memcg)
		read_memory(record, memcg, typed);
	pids = CONTROLLER(cgroup, enum_value(cgroup_subsys_id, pids_cgrp_id), struct pids_cgroup);
	if (pids)
		read_pids(record, pids, typed);
	return 0;
}

SEC("iter/cgroup")
int walk_typed(struct bpf_iter__cgroup *context)
{
	return walk(context, 1);
}

SEC("iter/cgroup")
int walk_read(struct bpf_iter__cgroup *context)
{
	return walk(context, 0);
}

/* The kernel lets only GPL-compatible programs read its structs. */
char LICENSE[] SEC("license") = "GPL";
