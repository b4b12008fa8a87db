/* Logging, to standard error, one line a message: time, level, where, text. Never give it a secret.
 * Each file that logs defines LOG_PART ("store", "node") before including this. */
#pragma once
#include "base/mem.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_write(enum log_level level, const char *part, const char *fmt, ...) _printf_(3, 4);
/* What is said at all; LOG_INFO at start. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

#ifndef LOG_PART
#define LOG_PART "sagong"
#endif
#define log_error(...) log_write(LOG_ERROR, LOG_PART, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, LOG_PART, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, LOG_PART, __VA_ARGS__)
#define log_debug(...) (log_level() >= LOG_DEBUG ? log_write(LOG_DEBUG, LOG_PART, __VA_ARGS__) : (void)0)
