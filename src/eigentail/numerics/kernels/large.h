/* A large symmetric matrix to a band, a panel of columns at a time, nearly all of it in the products of BLAS; then to
 * three diagonals, and to values.
 * Source: Bischof, Lang & Sun, ACM TOMS 26 (2000); products of reflections in the compact form of Schreiber & Van Loan,
 * SIAM J. Sci. Stat. Comput. 10 (1989). */

/* Diagonals below the main one. A wider band needs fewer passes over the matrix and more chasing. */
enum { OF(width) = 48 };

/* The routines of BLAS, as Fortran calls them: ?symm, ?syr2k, ?gemm, ?trsm, ?syrk. Some builds take 64-bit integers and
 * some 32-bit ones: they are passed by address, and on machines that store the low half first one serves for both. */
typedef long long OF(Int);
typedef struct {
    void (*symm)(char *, char *, OF(Int) *, OF(Int) *, REAL *, REAL *, OF(Int) *, REAL *, OF(Int) *, REAL *, REAL *,
                 OF(Int) *);
    void (*syr2k)(char *, char *, OF(Int) *, OF(Int) *, REAL *, REAL *, OF(Int) *, REAL *, OF(Int) *, REAL *, REAL *,
                  OF(Int) *);
    void (*gemm)(char *, char *, OF(Int) *, OF(Int) *, OF(Int) *, REAL *, REAL *, OF(Int) *, REAL *, OF(Int) *, REAL *,
                 REAL *, OF(Int) *);
    void (*trsm)(char *, char *, char *, char *, OF(Int) *, OF(Int) *, REAL *, REAL *, OF(Int) *, REAL *, OF(Int) *);
    void (*syrk)(char *, char *, OF(Int) *, OF(Int) *, REAL *, REAL *, OF(Int) *, REAL *, REAL *, OF(Int) *);
} OF(Blas);

/* Several reflections together, Q = 1 - V F V^T: the vectors, each in a row `stride` from the next and `length` long,
 * the inverse of F, and space for as many vectors and two small matrices. */
typedef struct {
    OF(Int) count, length, stride;
    REAL *vectors, *partners;
    REAL inverse[OF(width) * OF(width)], inner[OF(width) * OF(width)];
} OF(Reflections);

/* x -= factor * v; the product of the new x with u. */
static REAL OF(replace)(ptrdiff_t n, REAL factor, const REAL *restrict v, const REAL *restrict u, REAL *restrict x) {
    REAL sum = 0;
#pragma omp simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < n; i++) {
        x[i] -= factor * v[i];
        sum += x[i] * u[i];
    }
    return sum;
}

/* Reflections that leave a triangle of the rows of a panel. Row k becomes the k-th vector, zeros before its one, and
 * the k-th column of the triangle ends the k-th column of the band. The later rows are read once for each reflection:
 * the one before is taken from them, and they are multiplied with the next. */
static void OF(panel)(OF(Reflections) *it, double *band, ptrdiff_t step) {
    ptrdiff_t n = it->length, stride = it->stride, reflections = it->count < n ? it->count : n;
    REAL dots[OF(width)] = {0}, tau = 0, *x = it->vectors, *before = x;
    for (ptrdiff_t k = 0; k < it->count; k++, before = x, x += stride, band += step) {
        double *triangle = band + it->count - k, left;
        ptrdiff_t above = k < n ? k : n;
        if (k && k <= reflections)
            OF(replace)(n - k + 1, tau * dots[k], before + k - 1, before + k - 1, x + k - 1);
        for (ptrdiff_t i = 0; i < above; i++) {
            triangle[i] = x[i];
            x[i] = 0;
        }
        it->inverse[k * it->count + k] = 1; /* any number will do where there is no reflection */
        if (k >= n)
            continue;
        REAL last = tau;
        tau = OF(reflect)(n - k, x + k, x + k, &left);
        triangle[k] = left;
        if (tau != 0)
            it->inverse[k * it->count + k] = 1 / tau;
        for (ptrdiff_t j = k + 1; j < it->count; j++) {
            REAL *y = x + (j - k) * stride, factor = last * dots[j];
            if (k)
                y[k - 1] -= factor;
            dots[j] = OF(replace)(n - k, factor, before + k, x + k, y + k);
        }
    }
}

/* A V of a symmetric matrix, given below its diagonal: in halves, since BLAS multiplies a few columns with a general
 * matrix faster than with a symmetric one. */
static void OF(times)(OF(Int) n, REAL *matrix, OF(Int) side, OF(Int) count, REAL *v, OF(Int) stride, REAL *product,
                      const OF(Blas) *blas) {
    enum { SMALL = 512 };
    REAL one = 1, zero = 0;
    if (n <= SMALL) {
        blas->symm("L", "L", &n, &count, &one, matrix, &side, v, &stride, &zero, product, &side);
        return;
    }
    OF(Int) half = n / 2 / OF(lanes) * OF(lanes), rest = n - half;
    OF(times)(half, matrix, side, count, v, stride, product, blas);
    OF(times)(rest, matrix + half * (side + 1), side, count, v + half, stride, product + half, blas);
    blas->gemm("N", "N", &rest, &count, &half, &one, matrix + half, &side, v, &stride, &one, product + half, &side);
    blas->gemm("T", "N", &half, &count, &rest, &one, matrix + half, &side, v + half, &stride, &one, product, &side);
}

/* The reflections from both sides on the matrix whose first element this is: A - V Z^T - Z V^T.
 * With Y = A V F and S = F^T V^T Y: Z = Y - V S / 2. */
static void OF(two_sided)(OF(Reflections) *it, REAL *matrix, OF(Int) side, const OF(Blas) *blas) {
    REAL one = 1, zero = 0, minus = -1, half = -0.5, *v = it->vectors, *z = it->partners, *diagonal = it->inner;
    OF(Int) n = it->length, k = it->count, ld = it->stride;
    for (OF(Int) i = 0; i < k; i++)
        diagonal[i] = it->inverse[i * k + i];
    blas->gemm("T", "N", &k, &k, &n, &one, v, &ld, v, &ld, &zero, it->inverse, &k);
    for (OF(Int) i = 0; i < k; i++)
        it->inverse[i * k + i] = diagonal[i];
    OF(times)(n, matrix, side, k, v, ld, z, blas);
    blas->trsm("R", "U", "N", "N", &n, &k, &one, it->inverse, &k, z, &side);
    blas->gemm("T", "N", &k, &k, &n, &one, v, &ld, z, &side, &zero, it->inner, &k);
    blas->trsm("L", "U", "T", "N", &k, &k, &half, it->inverse, &k, it->inner, &k);
    blas->gemm("N", "N", &n, &k, &k, &one, v, &ld, it->inner, &k, &one, z, &side);
    blas->syr2k("L", "N", &n, &k, &minus, v, &ld, z, &side, &one, matrix, &side);
}

/* The band of a matrix, in columns; only what is above the diagonal in C, below it in Fortran, is read and used up. */
static void OF(to_band)(OF(Int) side, REAL *matrix, const OF(Blas) *blas, OF(Reflections) *it, F64(Band) *band) {
    enum { WIDTH = OF(width) };
    REAL *partners = it->partners;
    *it = (OF(Reflections)){.count = 1, .length = side, .stride = side, .partners = partners};
    it->vectors = partners + side;
    it->inverse[0] = 1 / OF(random)(side, it->vectors);
    OF(two_sided)(it, matrix, side, blas);
    OF(Int) start = 0;
    for (; side - start > WIDTH; start += WIDTH) {
        REAL *corner = matrix + start * (side + 1);
        double *columns = band->columns + start * band->stride;
        for (OF(Int) k = 0; k < WIDTH; k++)
            for (OF(Int) i = k; i < WIDTH; i++)
                columns[k * band->stride + i - k] = corner[k * side + i];
        it->count = WIDTH;
        it->length = side - start - WIDTH;
        it->vectors = corner + WIDTH;
        OF(panel)(it, columns, band->stride);
        OF(two_sided)(it, corner + WIDTH * (side + 1), side, blas);
    }
    for (OF(Int) k = start; k < side; k++)
        for (OF(Int) i = k; i < side; i++)
            band->columns[k * band->stride + i - k] = matrix[k * side + i];
}

/* Eigenvalues of one matrix, which is used up, in no order; by at most so many threads beside those of BLAS. */
int OF(large)(ptrdiff_t side, REAL *matrix, double *values, const OF(Blas) *blas, ptrdiff_t threads) {
    ptrdiff_t stride = 2 * OF(width) + 1;
    F64(Band) band = {zeros(side * stride * sizeof(double)), stride, side, OF(width), NULL, NULL};
    OF(Reflections) *it = zeros(sizeof *it);
    REAL *partners = zeros(OF(width) * side * sizeof(REAL));
    double *beside = zeros(side * sizeof(double));
    int status = NO_MEMORY;
    if (band.columns && it && partners && beside) {
        int exponent = OF(exponent)(side * side, matrix), shift = OF(shifted)(side * side, matrix, exponent);
        it->partners = partners;
        OF(to_band)(side, matrix, blas, it, &band);
        status = F64(chase)(&band, threads, values, beside);
        if (status == DONE)
            status = F64(scaled_values)(side, values, beside, exponent - shift, OF(small));
        for (ptrdiff_t i = 0; shift && i < side; i++)
            values[i] = ldexp(values[i], shift);
    }
    free(band.columns), free(it), free(partners), free(beside);
    return status;
}

/* To the part of W^T W above its diagonal (in C), what some rows of W give; they lie in columns where `turned`. */
void OF(add_product)(ptrdiff_t rows, ptrdiff_t side, REAL *block, ptrdiff_t turned, REAL *total, const OF(Blas) *blas) {
    REAL one = 1;
    OF(Int) n = side, k = rows;
    blas->syrk("L", turned ? "T" : "N", &n, &k, &one, block, turned ? &k : &n, &one, total, &n);
}
