/* Eigenvalues of symmetric matrices, and samples refitted, for one width of vector.
 * Called by `eigentail.numerics.kernels`. */

#include "kernels.h"

#include "values.h"
#include "samples.h"

#define REAL double
#define TYPE f64
#include "dense.h"
#include "chase.h"
#include "large.h"
#undef REAL
#undef TYPE

#define REAL float
#define TYPE f32
#include "dense.h"
#include "large.h"
