/* What every kernel shares. All of them are compiled once for every width of vector (BYTES); those that work in the
 * arithmetic of the matrix once for every type of number, too (REAL, TYPE). Names carry both: `reduce_f64_32`. */

#ifndef EIGENTAIL_KERNELS_H
#define EIGENTAIL_KERNELS_H

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GLUED(name, type, bytes) name##_##type##_##bytes
#define GLUE(name, type, bytes) GLUED(name, type, bytes)
#define OF(name) GLUE(name, TYPE, BYTES)
#define F64(name) GLUE(name, f64, BYTES)

enum { DONE = 0, NO_CONVERGENCE = 1, NO_MEMORY = 2 };

/* Zeros, at an address that suits every vector; to be given back with `free`. NULL where there is no memory. */
static inline void *zeros(size_t nbytes) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, nbytes + 64))
        return NULL;
    return memset(memory, 0, nbytes);
}

#endif
