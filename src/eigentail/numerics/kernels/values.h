/* Eigenvalues of a symmetric tridiagonal matrix: QL without square roots (Pal, Walker & Kahan).
 * Source: Parlett, The Symmetric Eigenvalue Problem (1998), section 8.15. */

/* Sweeps for one eigenvalue, on average, after which there is no hope. LAPACK allows as many. */
enum { SWEEPS = 30 };

static void F64(reverse)(ptrdiff_t n, double *x) {
    for (ptrdiff_t i = 0; i < n / 2; i++) {
        double other = x[n - 1 - i];
        x[n - 1 - i] = x[i];
        x[i] = other;
    }
}

/* One sweep from `last` up to `first`, towards the eigenvalue nearest to the shift.
 *
 * What follows from what decides the time: a step waits for p of the step before, through one sum, one product and one
 * division. So p is the square of a numerator over a denominator, not that of a quotient over a cosine, which would
 * put two divisions in its way. */
static void F64(sweep)(double *restrict d, double *restrict squares, ptrdiff_t first, ptrdiff_t last, double shift) {
    double sine = 0, gamma = d[last] - shift, p = gamma * gamma, cosine = 1;
    for (ptrdiff_t i = last - 1; i >= first; i--) {
        double square = squares[i], sum = p + square, here = d[i], before = gamma, was = cosine;
        double numerator = p * (here - shift) - square * gamma, denominator = sum * p;
        squares[i + 1] = sine * sum;
        sine = square / sum;
        cosine = p / sum;
        gamma = numerator / sum;
        p = denominator > 0 ? numerator * numerator / denominator : was * square;
        d[i + 1] = before + (here - gamma);
    }
    squares[first] = sine * p;
    d[first] = shift + gamma;
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

/* The shift of Wilkinson: the eigenvalue of the first two rows that is nearer to the first. */
static double F64(shift_of)(const double *d, const double *squares, ptrdiff_t first) {
    double root = sqrt(squares[first]), half = (d[first + 1] - d[first]) / (2 * root);
    return d[first] - root / (half + copysign(sqrt(half * half + 1), half));
}

/* Eigenvalues into d, in no order. `squares` has n places: of the elements beside the diagonal, the last unused. Both
 * are overwritten. The largest element should be near one, since squares of squares are taken; what is `small` beside
 * it is taken for zero. */
static int F64(values_of)(ptrdiff_t n, double *d, double *squares, double small) {
    ptrdiff_t first = 0, turned = -1, left = SWEEPS * n;
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
        F64(sweep)(d, squares, first, last, F64(shift_of)(d, squares, first));
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
