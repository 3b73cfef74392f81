/*
 * kernel_loops KIND COUNT [FILE]: CPU nanoseconds of one round, on standard output.
 *
 *   syscall   getppid, the cheapest there is
 *   switch    a byte through a pipe to a child on the same CPU and one back: two switches and more
 *   fault     a page of memory that is touched for the first time
 *   reread    4 KiB of FILE, which are in the page cache
 *
 * switch counts the CPU time of both ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(1);
	}
}

static double cpu_ns(int who)
{
	struct rusage used;

	must(getrusage(who, &used) == 0, "getrusage");
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

static void echo(int from, int to, long count)
{
	char byte;

	while (count--) {
		must(read(from, &byte, 1) == 1, "read");
		must(write(to, &byte, 1) == 1, "write");
	}
}

static void touch(long count)
{
	const long pages = 4096, size = sysconf(_SC_PAGESIZE);
	char *memory = mmap(0, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long page;

	must(memory != MAP_FAILED, "mmap");
	/* One page a fault. */
	must(madvise(memory, pages * size, MADV_NOHUGEPAGE) == 0, "MADV_NOHUGEPAGE");
	for (page = 0; count--; page++) {
		if (page == pages) {
			must(madvise(memory, pages * size, MADV_DONTNEED) == 0, "MADV_DONTNEED");
			page = 0;
		}
		((volatile char *)memory)[page * size] = 1;
	}
}

static void reread(long count, const char *path)
{
	int file = open(path, O_RDONLY);
	char block[4096];

	must(file >= 0, path);
	while (count--)
		must(pread(file, block, sizeof(block), 0) == sizeof(block), "pread");
}

int main(int argc, char **argv)
{
	long count = argc >= 3 ? atol(argv[2]) : 0, left;
	int there[2], back[2];
	double before;
	char byte = 0;
	cpu_set_t one;
	pid_t child;

	must(count > 0, "usage: kernel_loops KIND COUNT [FILE]");
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	must(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity");
	before = cpu_ns(RUSAGE_SELF);
	if (!strcmp(argv[1], "syscall")) {
		for (left = count; left--;)
			syscall(SYS_getppid);
	} else if (!strcmp(argv[1], "fault")) {
		touch(count);
	} else if (!strcmp(argv[1], "reread")) {
		must(argc == 4, "reread COUNT FILE");
		reread(count, argv[3]);
	} else {
		must(pipe(there) == 0 && pipe(back) == 0, "pipe");
		child = fork();
		must(child >= 0, "fork");
		if (!child) {
			echo(there[0], back[1], count);
			_exit(0);
		}
		for (left = count; left--;) {
			must(write(there[1], &byte, 1) == 1, "write");
			must(read(back[0], &byte, 1) == 1, "read");
		}
		must(waitpid(child, 0, 0) == child, "waitpid");
	}
	printf("%.1f\n", (cpu_ns(RUSAGE_SELF) - before + cpu_ns(RUSAGE_CHILDREN)) / count);
	return 0;
}
