/* kstt-memory.h - files in memory, for hosts without a file system. Part of kstt.h, which includes it.
 *
 * Every function that takes a path also takes one below "memory:/", a folder of this process:
 *   kstt_memory_file_create("memory:/model/config.json", size, &bytes, ...)   and fill `bytes`; so for each file
 *   kstt_memory_file_hand_over("memory:/model/model.gguf", ...)               large files of weights
 *   kstt_engine_create("memory:/model", ...)
 *   kstt_memory_file_remove                                                   of what is not needed again
 *
 * A folder is there as long as a file lies in it. Calls may come from any thread.
 */
#ifndef KSTT_MEMORY_H
#define KSTT_MEMORY_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A new file of `size` bytes. *bytes: where its content goes, at once or in pieces, aligned to 64, undefined so far; to
 * be written before the file is used. INVALID_ARGUMENT: the path is not below "memory:/", names no file, or is taken;
 * OUT_OF_MEMORY. */
KSTT_API kstt_status kstt_memory_file_create(const char * path, size_t size, void ** bytes, kstt_error * err);

/* Where the content of a file lies, for instance of one that kstt_conversion_finish wrote; valid until it is removed
 * or handed over. FILE_NOT_FOUND: there is none. */
KSTT_API kstt_status kstt_memory_file_bytes(const char * path, void ** bytes, size_t * size, kstt_error * err);

/* The next engine that loads weights from this file takes it: the name is removed, and weights that have to be laid out
 * anew are so in the file's own memory, which then holds the model once and not twice. Without this an engine only
 * reads the file. FILE_NOT_FOUND: there is none. */
KSTT_API kstt_status kstt_memory_file_hand_over(const char * path, kstt_error * err);

/* Removes the name. The memory is freed when nothing uses it any more: an engine keeps the weights it uses in place.
 * FILE_NOT_FOUND: there is none, for instance because an engine has taken it. */
KSTT_API kstt_status kstt_memory_file_remove(const char * path, kstt_error * err);

#ifdef __cplusplus
}
#endif

#endif /* KSTT_MEMORY_H */
