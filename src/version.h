/* What this program is, and which Kubernetes it is to its clients. */
#pragma once
#define SAGONG_VERSION     "0.1.0"
#define KUBERNETES_VERSION "v1.36.0"
#define KUBERNETES_MAJOR   "1"
#define KUBERNETES_MINOR   "36"

#ifdef __clang__
#define COMPILER_NAME "clang"
#else
#define COMPILER_NAME "gcc"
#endif
#ifdef __aarch64__
#define MACHINE_NAME "arm64"
#else
#define MACHINE_NAME "amd64"
#endif
