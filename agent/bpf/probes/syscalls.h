/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the syscalls probe counts. Maps "slots" and "drops": slots.h. The counters of a slot:
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include "slots.h"

#define SYSCALL_CLASSES 16
/* Higher than any number of any machine. What is not below it is in class 0. */
#define SYSCALL_NUMBERS 512

struct syscall_counts {
	__u64 calls[SYSCALL_CLASSES];
	/* Of them, those that returned an errno. Restarts that a program never sees are none. */
	__u64 errors[SYSCALL_CLASSES];
};

/* Map "settings": array of one, which the agent fills before it attaches. */
struct syscalls_settings {
	__u8 class_of[SYSCALL_NUMBERS];	/* 0: the class of all it does not know */
	__u32 places;			/* of slots.h, for one CPU */
};

/* What a syscall returns is an errno from -1 to -4095; ERESTARTSYS and its like are inside the kernel. */
#define SYSCALL_FAILED(value) ((value) < 0 && (value) >= -4095 && ((value) > -512 || (value) < -530))

#endif
