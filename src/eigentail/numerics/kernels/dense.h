/* A dense symmetric matrix to three diagonals, in one pass over it for each column.
 *
 * A pass multiplies the matrix with a reflection. What the reflections leave to be subtracted gathers for two columns:
 * every second pass subtracts it on its way, so that each number is read once for a column and written once for two.
 * Writing is what costs, where the first cache does not hold it all. Passes go to and fro: of a triangle that does not
 * fit into the second either, the end that was read last is still there.
 *
 * Source: Golub & Van Loan, Matrix Computations (2013), section 8.3.1; Dongarra, Hammarling & Sorensen, Journal of
 * Computational and Applied Mathematics 27 (1989), for what gathers. */

typedef REAL OF(vector) __attribute__((vector_size(BYTES), may_alias));

/* A part of the rounding error of the largest element: at least so much every eigenvalue is off. */
static const double OF(small) = sizeof(REAL) == sizeof(float) ? 0x1p-28 : 0x1p-57;

/* Columns at a time where a pass only reads, and where it writes, too: what is held of them must fit into the
 * registers, and they into a block on the diagonal. */
enum {
    OF(lanes) = BYTES / sizeof(REAL),
    OF(read) = OF(lanes) < 8 ? OF(lanes) : 8,
    OF(written) = BYTES < 64 ? 2 : 4,
    OF(pairs) = 2,
    OF(vectors) = 3 + 2 * OF(pairs)
};

/* A matrix that is reduced: its rows, aligned; the pairs of vectors that wait, of A - v w^T - w v^T; a vector u, and
 * the product with it in two parts, what the elements give above the diagonal and what they give below. */
typedef struct {
    REAL *rows;
    ptrdiff_t stride, side, waiting;
    REAL *v[OF(pairs)], *w[OF(pairs)], *u, *product, *sums;
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

/* A few columns from their block on the diagonal down: subtract v w^T + w v^T of the pairs, if any, and add what they
 * give to the product. The block on the diagonal is whole; what is below it stands for what is above the diagonal,
 * too. */
static inline __attribute__((always_inline)) void OF(pass)(const OF(Reduced) *it, ptrdiff_t column, const int columns,
                                                           const int pairs) {
    typedef OF(vector) Vector;
    enum { LANES = OF(lanes), PAIRS = OF(pairs), COLUMNS = OF(read) };
    const Vector *restrict v[PAIRS], *restrict w[PAIRS], *restrict u = (const Vector *)it->u, zero = {0};
    Vector *restrict product = (Vector *)it->product, *c[COLUMNS];
    Vector vj[PAIRS][COLUMNS], wj[PAIRS][COLUMNS], uj[COLUMNS], sums[COLUMNS];
    ptrdiff_t i = column / LANES, end = (it->side + LANES - 1) / LANES;
    for (int p = 0; p < pairs; p++) {
        v[p] = (const Vector *)it->v[p];
        w[p] = (const Vector *)it->w[p];
    }
    for (int k = 0; k < columns; k++) {
        c[k] = (Vector *)(it->rows + (column + k) * it->stride);
        uj[k] = it->u[column + k] + zero;
        Vector here = c[k][i];
        for (int p = 0; p < pairs; p++) {
            vj[p][k] = it->v[p][column + k] + zero;
            wj[p][k] = it->w[p][column + k] + zero;
            c[k][i] = here = here - v[p][i] * wj[p][k] - w[p][i] * vj[p][k];
        }
        product[i] += here * uj[k];
        sums[k] = zero;
    }
    for (i++; i < end; i++) {
        Vector ui = u[i], total = product[i];
        for (int k = 0; k < columns; k++) {
            Vector here = c[k][i];
            for (int p = 0; p < pairs; p++)
                here = here - v[p][i] * wj[p][k] - w[p][i] * vj[p][k];
            if (pairs)
                c[k][i] = here;
            sums[k] += here * ui;
            total += here * uj[k];
        }
        product[i] = total;
    }
    for (int k = 0; k < columns; k++) {
        REAL sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int lane = 0; lane < LANES; lane++)
            sum += sums[k][lane];
        it->sums[column + k] = sum;
    }
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

/* x -= a * v + b * w */
static void OF(subtract)(ptrdiff_t n, REAL a, const REAL *restrict v, REAL b, const REAL *restrict w,
                         REAL *restrict x) {
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] -= v[i] * a + w[i] * b;
}

/* The product of the matrix, from row `next` on, with u: to the end where what waits is subtracted, and back. */
static void OF(multiply)(OF(Reduced) *it, ptrdiff_t next) {
    ptrdiff_t n = it->side;
    REAL *product = it->product, *u = it->u;
    memset(product, 0, n * sizeof(REAL));
    if (it->waiting == OF(pairs)) {
        for (ptrdiff_t j = next / OF(written) * OF(written); j < n; j += OF(written))
            OF(pass)(it, j, OF(written), OF(pairs));
        it->waiting = 0;
    } else
        for (ptrdiff_t j = (n - 1) / OF(read) * OF(read); j > next - OF(read); j -= OF(read))
            OF(pass)(it, j, OF(read), 0);
    for (ptrdiff_t i = next; i < n; i++)
        product[i] += it->sums[i];
    for (int p = 0; p < it->waiting; p++) {
        const REAL *v = it->v[p] + next, *w = it->w[p] + next;
        REAL vu = OF(dot)(n - next, v, u + next), wu = OF(dot)(n - next, w, u + next);
        OF(subtract)(n - next, wu, v, vu, w, product + next);
    }
}

/* The next v and w, of a reflection 1 - tau u u^T from row `next` on. */
static void OF(take)(OF(Reduced) *it, ptrdiff_t next, double tau) {
    OF(multiply)(it, next);
    ptrdiff_t n = it->side, at = it->waiting++;
    REAL *restrict u = it->u, *restrict product = it->product, *restrict v = it->v[at], *restrict w = it->w[at];
    REAL factor = tau, half = tau * tau * OF(dot)(n - next, product + next, u + next) / 2;
    for (ptrdiff_t i = next; i < n; i++) {
        v[i] = u[i];
        w[i] = factor * product[i] - half * u[i];
    }
    /* what is behind takes no part, although blocks on the diagonal still hold it */
    memset(v, 0, next * sizeof(REAL));
    memset(w, 0, next * sizeof(REAL));
}

/* Three diagonals: `beside` has one place more than there are elements beside the diagonal. */
static void OF(reduce)(OF(Reduced) *it, double *diagonal, double *beside) {
    ptrdiff_t n = it->side;
    REAL *u = it->u;
    if (n >= OF(mixed_from))
        OF(take)(it, 0, OF(random)(n, u));
    for (ptrdiff_t k = 0; k < n; k++) {
        REAL *column = it->rows + k * it->stride;
        for (int p = 0; p < it->waiting; p++) {
            REAL *v = it->v[p] + k, *w = it->w[p] + k;
            OF(subtract)(n - k, *w, v, *v, w, column + k);
            *v = *w = 0;
        }
        diagonal[k] = column[k];
        beside[k] = u[k] = 0;
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

/* A matrix to be reduced, from what is above the diagonal of another (in C): in memory for it and for the vectors. */
static OF(Reduced) OF(laid_out)(ptrdiff_t n, const REAL *matrix, ptrdiff_t rows, ptrdiff_t stride, REAL *memory) {
    OF(Reduced) it = {.rows = memory, .stride = stride, .side = n};
    REAL *vectors = memory + rows * stride, **named[] = {&it.u, &it.product, &it.sums};
    memset(memory, 0, (rows + OF(vectors)) * stride * sizeof(REAL));
    for (int at = 0; at < 3; at++, vectors += stride)
        *named[at] = vectors;
    for (int p = 0; p < OF(pairs); p++, vectors += 2 * stride) {
        it.v[p] = vectors;
        it.w[p] = vectors + stride;
    }
    for (ptrdiff_t i = 0; i < n; i++, matrix += n) {
        memcpy(memory + i * stride + i, matrix + i, (n - i) * sizeof(REAL));
        for (ptrdiff_t j = i / OF(lanes) * OF(lanes); j < i; j++) /* whole blocks on the diagonal */
            memory[i * stride + j] = memory[j * stride + i];
    }
    return it;
}

/* Eigenvalues of each of several symmetric matrices, in no order; only what is above the diagonal (in C) is read. */
int OF(eigenvalues)(ptrdiff_t count, ptrdiff_t n, const REAL *matrices, double *values) {
    /* whole vectors in a row, and an odd number of them: rows a power of two apart share a place in the cache */
    ptrdiff_t stride = ((n + OF(lanes) - 1) / OF(lanes) | 1) * OF(lanes);
    ptrdiff_t rows = (n + OF(read) - 1) / OF(read) * OF(read);
    REAL *memory = zeros((rows + OF(vectors)) * stride * sizeof(REAL));
    double *beside = zeros((n + 1) * sizeof(double));
    int status = memory && beside ? DONE : NO_MEMORY;
    for (ptrdiff_t at = 0; status == DONE && at < count; at++, values += n, matrices += n * n) {
        OF(Reduced) it = OF(laid_out)(n, matrices, rows, stride, memory);
        int exponent = OF(exponent)(rows * stride, memory), shift = OF(shifted)(rows * stride, memory, exponent);
        OF(reduce)(&it, values, beside);
        status = F64(scaled_values)(n, values, beside, exponent - shift, OF(small));
        for (ptrdiff_t i = 0; shift && i < n; i++)
            values[i] = ldexp(values[i], shift);
    }
    free(memory);
    free(beside);
    return status;
}
