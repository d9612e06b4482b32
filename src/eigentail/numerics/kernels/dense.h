/* A dense symmetric matrix to three diagonals, in one pass over it for each column.
 *
 * LAPACK reads the matrix once for each column, to multiply it with a reflection, and subtracts what has gathered in
 * between. Here a pass subtracts the reflection before and multiplies with the next, each number being read once and
 * written once. While a triangle fits into the cache of a core that takes half of the time.
 *
 * Source: Golub & Van Loan, Matrix Computations (2013), section 8.3.1. */

typedef REAL OF(vector) __attribute__((vector_size(BYTES), may_alias));

/* A part of the rounding error of the largest element: at least so much every eigenvalue is off. */
static const double OF(small) = sizeof(REAL) == sizeof(float) ? 0x1p-28 : 0x1p-57;

/* Columns at a time: what is held of them must fit into the registers, and they into a block on the diagonal. */
enum { OF(lanes) = BYTES / sizeof(REAL), OF(columns) = BYTES / sizeof(REAL) < 4 ? BYTES / sizeof(REAL) : 4 };

/* A matrix that is reduced: its rows, aligned, and the vectors of A - v w^T - w v^T and of the product with u. */
typedef struct {
    REAL *rows;
    ptrdiff_t stride, side;
    REAL *v, *w, *u, *product;
} OF(Reduced);

static double OF(dot)(ptrdiff_t n, const REAL *restrict x, const REAL *restrict y) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

/* The reflection 1 - tau u u^T that leaves only the first element of x, into u: tau; zero where nothing is to do. */
static double OF(reflect)(ptrdiff_t n, const REAL *x, REAL *u, double *first) {
    double rest = OF(dot)(n - 1, x + 1, x + 1);
    *first = x[0];
    if (rest == 0) {
        memset(u, 0, n * sizeof(REAL));
        return 0;
    }
    double norm = copysign(sqrt(*first * *first + rest), -*first), scale = 1 / (*first - norm), tau = 1 - *first / norm;
    for (ptrdiff_t i = 1; i < n; i++)
        u[i] = x[i] * scale;
    u[0] = 1;
    *first = norm;
    return tau;
}

/* A few columns from their block on the diagonal down: subtract v w^T + w v^T, and add what they give to the product.
 * The block on the diagonal is whole; what is below it stands for what is above the diagonal, too. */
static inline void OF(pass)(const OF(Reduced) *it, ptrdiff_t column) {
    typedef OF(vector) Vector;
    enum { COLUMNS = OF(columns), LANES = OF(lanes) };
    const Vector *restrict v = (const Vector *)it->v, *restrict w = (const Vector *)it->w;
    const Vector *restrict u = (const Vector *)it->u, zero = {0};
    Vector *restrict product = (Vector *)it->product, *c[COLUMNS];
    Vector vj[COLUMNS], wj[COLUMNS], uj[COLUMNS], sums[COLUMNS];
    ptrdiff_t i = column / LANES, end = (it->side + LANES - 1) / LANES;
    for (int k = 0; k < COLUMNS; k++) {
        c[k] = (Vector *)(it->rows + (column + k) * it->stride);
        vj[k] = it->v[column + k] + zero;
        wj[k] = it->w[column + k] + zero;
        uj[k] = it->u[column + k] + zero;
        Vector here = c[k][i] - v[i] * wj[k] - w[i] * vj[k];
        c[k][i] = here;
        product[i] += here * uj[k];
        sums[k] = zero;
    }
    for (i++; i < end; i++) {
        Vector vi = v[i], wi = w[i], ui = u[i], total = product[i];
        for (int k = 0; k < COLUMNS; k++) {
            Vector here = c[k][i] - vi * wj[k] - wi * vj[k];
            c[k][i] = here;
            sums[k] += here * ui;
            total += here * uj[k];
        }
        product[i] = total;
    }
    for (int k = 0; k < COLUMNS; k++)
        for (int lane = 0; lane < LANES; lane++)
            it->product[column + k] += sums[k][lane];
}

/* Where dozens of columns are equal their rounding errors would be equal, too, and add up: from this side on one
 * reflection at a random vector, always the same, comes before all others. A few columns stay as they are. */
enum { OF(mixed_from) = 128 };

/* A vector of random numbers, and what makes a reflection of it. */
static double OF(random)(ptrdiff_t n, REAL *u) {
    unsigned long long state = 1;
    double square = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        u[i] = (REAL)((double)(state >> 33) / (1LL << 30) - 1);
        square += (double)u[i] * u[i];
    }
    return 2 / square;
}

/* The next v and w, of a reflection 1 - tau u u^T: all columns from `next` on are passed through. */
static void OF(take)(const OF(Reduced) *it, ptrdiff_t next, double tau) {
    ptrdiff_t n = it->side;
    REAL *u = it->u, *product = it->product;
    memset(product, 0, n * sizeof(REAL));
    for (ptrdiff_t j = next / OF(columns) * OF(columns); j < n; j += OF(columns))
        OF(pass)(it, j);
    REAL factor = tau, half = tau * tau * OF(dot)(n - next, product + next, u + next) / 2;
    for (ptrdiff_t i = next; i < n; i++) {
        it->v[i] = u[i];
        it->w[i] = factor * product[i] - half * u[i];
    }
}

/* Three diagonals: `beside` has one place more than there are elements beside the diagonal. */
static void OF(reduce)(const OF(Reduced) *it, double *diagonal, double *beside) {
    ptrdiff_t n = it->side;
    REAL *u = it->u, *v = it->v, *w = it->w;
    if (n >= OF(mixed_from))
        OF(take)(it, 0, OF(random)(n, u));
    for (ptrdiff_t k = 0; k < n; k++) {
        REAL *column = it->rows + k * it->stride, vk = v[k], wk = w[k];
        for (ptrdiff_t i = k; i < n; i++)
            column[i] -= v[i] * wk + w[i] * vk;
        diagonal[k] = column[k];
        beside[k] = 0;
        u[k] = v[k] = w[k] = 0; /* what is behind takes no part, although blocks on the diagonal still hold it */
        if (k < n - 1)
            OF(take)(it, k + 1, OF(reflect)(n - k - 1, column + k + 1, u + k + 1, beside + k));
    }
}

/* The power of two of the largest of some numbers; zero where all of them are zero. */
static int OF(exponent)(ptrdiff_t count, const REAL *x) {
    REAL largest = 0;
    int exponent;
#pragma omp simd reduction(max : largest)
    for (ptrdiff_t i = 0; i < count; i++) {
        REAL size = x[i] < 0 ? -x[i] : x[i];
        largest = size > largest ? size : largest;
    }
    frexp(largest, &exponent);
    return exponent;
}

/* Numbers whose squares might not be numbers, at another power of two. */
static int OF(shifted)(ptrdiff_t count, REAL *x, int exponent) {
    enum { SAFE = 200 };
    if (abs(exponent) < SAFE)
        return 0;
    for (ptrdiff_t i = 0; i < count; i++)
        x[i] = ldexp(x[i], -exponent);
    return exponent;
}

/* Eigenvalues of each of several symmetric matrices, in no order; only what is above the diagonal (in C) is read. */
int OF(eigenvalues)(ptrdiff_t count, ptrdiff_t n, const REAL *matrices, double *values) {
    /* whole vectors in a row, and an odd number of them: rows a power of two apart share a place in the cache */
    ptrdiff_t stride = ((n + OF(lanes) - 1) / OF(lanes) | 1) * OF(lanes), rows = (n + 3) / 4 * 4;
    size_t used = (rows + 4) * stride * sizeof(REAL);
    REAL *memory = zeros(used);
    double *beside = zeros((n + 1) * sizeof(double));
    int status = memory && beside ? DONE : NO_MEMORY;
    for (ptrdiff_t at = 0; status == DONE && at < count; at++, values += n) {
        REAL *vectors = memory + rows * stride;
        OF(Reduced) it = {memory, stride, n, vectors, vectors + stride, vectors + 2 * stride, vectors + 3 * stride};
        int exponent = OF(exponent)(n * n, matrices);
        memset(memory, 0, used);
        for (ptrdiff_t i = 0; i < n; i++, matrices += n) {
            memcpy(memory + i * stride + i, matrices + i, (n - i) * sizeof(REAL));
            for (ptrdiff_t j = i / OF(lanes) * OF(lanes); j < i; j++) /* whole blocks on the diagonal */
                memory[i * stride + j] = memory[j * stride + i];
        }
        int shift = OF(shifted)(rows * stride, memory, exponent);
        OF(reduce)(&it, values, beside);
        status = F64(scaled_values)(n, values, beside, exponent - shift, OF(small));
        for (ptrdiff_t i = 0; shift && i < n; i++)
            values[i] = ldexp(values[i], shift);
    }
    free(memory);
    free(beside);
    return status;
}
