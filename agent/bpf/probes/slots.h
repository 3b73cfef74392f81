/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A table by cgroup that costs one array's lookup and not a hash map's: for events that come a million
 * times a second. agent/bpf/slots.py reads it, and a test compares it with this file.
 *
 * Map "slots": array userspace maps: for one CPU after the other as many slots as there are places, a
 *              power of two. A slot is the id of the cgroup it belongs to, a __u64, 0 for none; then
 *              its counters, all __u64, which only rise while the owner lives.
 * Map "drops": per-CPU array of __u64, the first of them: events of cgroups that found no place.
 *
 * A cgroup's place is a hash of its id, or one of the SLOT_TRIES - 1 places after it. Who comes first
 * owns the slot until the agent, which has seen that the cgroup is gone, zeroes and frees it. So two
 * cgroups never share a slot, whatever ids the kernel uses again: what finds no place is dropped, and
 * counted. Each CPU takes slots of its own, and a program is not entered twice on one: nobody races.
 */
#ifndef SLOTS_H
#define SLOTS_H

/* Unless userspace says otherwise before loading: the places of one CPU. */
#define SLOTS 1024
#define SLOT_TRIES 8

/* Fibonacci hashing: ids of directories made one after the other are far apart. */
#define SLOT_HASH(id) ((__u32)(((id) * 0x9e3779b97f4a7c15ULL) >> 40))

#endif
