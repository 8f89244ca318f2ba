/* SPDX-License-Identifier: MIT */
/* bide/debug.h: what tells a program's author, and his tools, what his tasks are doing. */
#ifndef BIDE_DEBUG_H
#define BIDE_DEBUG_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a report is about. */
enum bide_report_kind {
	BIDE_REPORT_FAILURE,  /**< a task, group or scope failed and nobody retrieved that */
	BIDE_REPORT_IGNORED,  /**< a task ignores its cancellation */
	BIDE_REPORT_STUCK,    /**< a task does not end although the run is over */
	BIDE_REPORT_DEADLOCK, /**< every task waits and nothing can wake any */
	BIDE_REPORT_UNENDED,  /**< a task ended, and its handle never did */
	BIDE_REPORT_SLOW      /**< a step held the loop up; debug mode only */
};

/** A report. All pointers are valid during the call only. */
typedef struct bide_report {
	enum bide_report_kind kind;
	int error;           /**< the error it is about, or 0 */
	const char *task;    /**< the task's name, or NULL */
	const char *message; /**< one sentence or, for a deadlock, several lines */
} bide_report;

/** Has reports go to @p fn(@p arg, report), which must not suspend; NULL: to standard error, the
 *  default. For the whole process: loops on several threads may call it at once. [threadsafe] */
BIDE_API void bide_set_report(void (*fn)(void *arg, const bide_report *report),
                              void *arg) BIDE__NOTHROW;

/** Writes the tasks of this thread's loop, what each waits for and for how long yet, to a
 *  descriptor, a line each; nothing where there is no loop. Async-signal-safe. */
BIDE_API void bide_dump(int fd) BIDE__NOTHROW;

/** Describes the library's data to a tool that reads it from outside the process: find the symbol
 *  bide_inspect, check magic and version, follow the loops and their chunks of task records. All
 *  offsets and sizes are in bytes. */
struct bide_inspect {
	char magic[8];         /**< "bide\0\0\0" and a byte for the width of pointers */
	uint32_t version;      /**< of this layout: 1 */
	uint32_t size;         /**< of this struct */
	const void *loops;     /**< first loop, or NULL */
	uint32_t loop_next;    /**< in a loop: pointer to the next loop */
	uint32_t loop_thread;  /**< in a loop: int32_t, its thread's id */
	uint32_t loop_current; /**< in a loop: pointer to the running task's record, or NULL */
	uint32_t
		loop_chunks; /**< in a loop: pointer to an array of pointers to chunks, some NULL */
	uint32_t loop_nchunks;  /**< in a loop: uint32_t, the length of that array */
	uint32_t chunk_memory;  /**< in a chunk: pointer to an array of records, */
	uint32_t chunk_first;   /**< of which this many at the beginning are not used, */
	uint32_t chunk_count;   /**< and which has so many in all */
	uint32_t chunk_fresh;   /**< in a chunk: uint32_t, how many at its end were never used */
	uint32_t task_size;     /**< of a record */
	uint32_t task_state;    /**< in a record: uint8_t: 0 free, then 1 + enum bide_state */
	uint32_t task_slot;     /**< in a record: uint32_t, the task's number */
	uint32_t task_function; /**< in a record: pointer to bide__function, whose first word is the
	                             name */
	uint32_t task_extra;    /**< in a record: pointer to the extra record, or NULL */
	uint32_t extra_name;    /**< in an extra record: pointer to the task's own name, or NULL */
	uint32_t task_wait; /**< in a record of a waiting task: pointer to a wait descriptor, whose
	                             first word is the name of the call */
	uint32_t task_object; /**< in a record of a waiting task: what it waits for */
	uint32_t task_group;  /**< in a record: pointer to its group, or NULL */
	uint32_t group_owner; /**< in a group: pointer to the record of the task that opened it */
};

/** The descriptor. */
extern BIDE_API const struct bide_inspect *const bide_inspect;

#ifdef __cplusplus
}
#endif
#endif
