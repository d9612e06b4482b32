/* Eigenvalues of a symmetric tridiagonal matrix: QL without square roots (Pal, Walker & Kahan).
 * Source: Parlett, The Symmetric Eigenvalue Problem (1998), section 8.15. */

/* Pairs of sweeps for one eigenvalue, on average, after which there is no hope. LAPACK allows as many sweeps. */
enum { SWEEPS = 30 };

static void F64(reverse)(ptrdiff_t n, double *x) {
    for (ptrdiff_t i = 0; i < n / 2; i++) {
        double other = x[n - 1 - i];
        x[n - 1 - i] = x[i];
        x[i] = other;
    }
}

/* Where a sweep is: at the last row it has been through. */
typedef struct {
    double shift, sine, cosine, gamma, p;
} F64(Sweep);

static F64(Sweep) F64(from)(double last, double shift) {
    double gamma = last - shift;
    return (F64(Sweep)){shift, 0, 1, gamma, gamma * gamma};
}

/* One row further: the next element of the diagonal and the square beside it are replaced by those that the sweep
 * leaves in the row before.
 *
 * What follows from what decides the time: a row waits for p of the row before, through one sum, one product and one
 * division. So p is the square of a numerator over a denominator, not that of a quotient over a cosine, which would
 * put two divisions in its way. */
static inline void F64(row)(F64(Sweep) *it, double *here, double *square) {
    const double least = 0x1p-300; /* another sweep may have left nothing here, and two zeros would be divided */
    double beside = *square > least ? *square : least, sum = it->p + beside, denominator = sum * it->p;
    double numerator = it->p * (*here - it->shift) - beside * it->gamma, inverse = 1 / sum, gamma = numerator * inverse;
    double next = denominator > 0 ? numerator * numerator / denominator : it->cosine * beside;
    *square = it->sine * sum;
    it->sine = beside * inverse;
    it->cosine = it->p * inverse;
    it->p = next;
    *here = it->gamma + (*here - gamma);
    it->gamma = gamma;
}

/* What a sweep leaves in its first row. */
static inline void F64(end)(const F64(Sweep) *it, double *here, double *square) {
    *here = it->shift + it->gamma;
    *square = it->sine * it->p;
}

/* Two sweeps from `last` up to `first`, another row at least, towards the eigenvalue nearest to the shift: the second
 * follows the first one row behind, so that each has its row while the other waits for its own. */
static void F64(sweeps)(double *restrict d, double *restrict squares, ptrdiff_t first, ptrdiff_t last, double shift) {
    double here = d[last - 1], square = squares[last - 1];
    F64(Sweep) one = F64(from)(d[last], shift);
    F64(row)(&one, &here, &square);
    F64(Sweep) two = F64(from)(here, shift);
    for (ptrdiff_t i = last - 2; i >= first; i--) {
        here = d[i];
        square = squares[i];
        F64(row)(&one, &here, &square);
        F64(row)(&two, &here, &square);
        d[i + 2] = here;
        squares[i + 2] = square;
    }
    F64(end)(&one, &here, &square);
    F64(row)(&two, &here, &square);
    d[first + 1] = here;
    squares[first + 1] = square;
    F64(end)(&two, d + first, squares + first);
}

/* Where the block that starts here ends: at the first element beside the diagonal too small to matter, be it beside its
 * neighbours or beside the whole. */
static ptrdiff_t F64(block_end)(const double *d, const double *squares, ptrdiff_t first, ptrdiff_t n, double small) {
    const double unit = 0x1p-53;
    ptrdiff_t last = first;
    while (last < n - 1 && squares[last] > unit * unit * fabs(d[last] * d[last + 1]) + small * small)
        last++;
    return last;
}

/* The eigenvalues of two rows, in their order; that of the first one is the shift of Wilkinson. */
static void F64(pair_of)(const double *d, double square, double *pair) {
    double root = sqrt(square), half = (d[1] - d[0]) / (2 * root);
    double step = root / (half + copysign(sqrt(half * half + 1), half));
    pair[0] = d[0] - step;
    pair[1] = d[1] + step;
}

/* Eigenvalues into d, in no order. `squares` has n places: of the elements beside the diagonal, the last unused. Both
 * are overwritten. The largest element should be near one, since squares of squares are taken; what is `small` beside
 * it is taken for zero. */
static int F64(values_of)(ptrdiff_t n, double *d, double *squares, double small) {
    ptrdiff_t first = 0, turned = -1, left = SWEEPS * n;
    double pair[2];
    while (first < n) {
        ptrdiff_t last = F64(block_end)(d, squares, first, n, small);
        squares[last] = 0;
        if (first == last) {
            first++;
            continue;
        }
        if (first > turned) { /* a block that no sweep has seen: its small end first, which large values would drown */
            turned = last;
            if (fabs(d[last]) < fabs(d[first])) {
                F64(reverse)(last - first + 1, d + first);
                F64(reverse)(last - first, squares + first);
            }
        }
        if (left-- == 0)
            return NO_CONVERGENCE;
        F64(pair_of)(d + first, squares[first], pair);
        if (last > first + 1)
            F64(sweeps)(d, squares, first, last, pair[0]);
        else {
            memcpy(d + first, pair, sizeof pair);
            squares[first] = 0;
        }
    }
    return DONE;
}

/* The same from the elements beside the diagonal themselves, brought to size one by 2^-exponent and back. What is no
 * number does not converge. */
static int F64(scaled_values)(ptrdiff_t n, double *d, double *beside, int exponent, double small) {
    for (ptrdiff_t i = 0; i < n; i++) {
        d[i] = ldexp(d[i], -exponent);
        beside[i] = ldexp(beside[i], -exponent);
        beside[i] *= beside[i];
    }
    int status = F64(values_of)(n, d, beside, small);
    for (ptrdiff_t i = 0; i < n; i++) {
        d[i] = ldexp(d[i], exponent);
        if (isnan(d[i]))
            status = NO_CONVERGENCE;
    }
    return status;
}
