/* Which of the widths that were compiled this processor can do. */

/* In bytes; 0 where it has none of those that the kernels were made for. */
int eigentail_vector_bytes(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 64;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 32 : 0;
#elif defined(__aarch64__)
    return 16;
#else
    return 0;
#endif
}
