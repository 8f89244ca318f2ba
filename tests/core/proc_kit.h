/* SPDX-License-Identifier: MIT */
/* What the system says that this process has. */
#ifndef PROC_KIT_H
#define PROC_KIT_H

#include <dirent.h>
#include <stddef.h>
#include <sys/resource.h>

/* Entries of a directory of /proc. */
static inline int count_entries(const char *path)
{
	int entries = 0;
	DIR *directory = opendir(path);
	while (directory != NULL && readdir(directory) != NULL)
		entries++;
	if (directory != NULL)
		closedir(directory);
	return entries;
}

/* Descriptors that are open; and a few more, always as many. */
static inline int count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

/* The most memory that there has been. */
static inline long peak_kib(void)
{
	struct rusage usage = { .ru_maxrss = 0 };
	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

#endif
