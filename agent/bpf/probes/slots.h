/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A table by cgroup that costs an array's lookup and not a hash map's: for events that come a million
 * times a second. agent/bpf/slots.py reads it, and a test compares it with this file.
 *
 * Map "owners": array of SLOTS __u64: the cgroup id a slot belongs to, 0 for none.
 * Map "claims": hash, place -> cgroup id. Who could put itself here owns the place: of two cgroups that
 *               find a place free at the same time one goes on to the next.
 * Map "slots":  per-CPU array of SLOTS values, all counters, which only rise while the owner lives.
 * Map "drops":  per-CPU array of one __u64: events of cgroups that found no place.
 *
 * A cgroup's place is a hash of its id, or one of the SLOT_TRIES - 1 places after it. Who comes first
 * owns the slot until the agent, which has seen that the cgroup is gone, zeroes and frees it. So two
 * cgroups never share a slot, whatever ids the kernel uses again: what finds no place is dropped, and
 * counted.
 */
#ifndef SLOTS_H
#define SLOTS_H

#define SLOTS 1024
#define SLOT_TRIES 8

/* Fibonacci hashing: ids of directories made one after the other are far apart. */
#define SLOT_HASH(id) ((__u32)(((id) * 0x9e3779b97f4a7c15ULL) >> 54))
_Static_assert(SLOTS == 1 << (64 - 54), "the hash gives as many places as there are");

#endif
