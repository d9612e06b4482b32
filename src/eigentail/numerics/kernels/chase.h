/* A symmetric band to three diagonals: each column is reduced, and what that fills in below is chased off the end.
 * Source: Bischof, Lang & Sun, ACM TOMS 26 (2000); rows of columns side by side as in Haidar, Ltaief & Dongarra,
 * SC 2011. */


/* Columns of a band may be so long, and so many of them are chased together. */
enum { WIDEST = 128, TOGETHER = 8 };

/* A band: column j lies at columns + j * stride, from the diagonal down, and has room for twice the width. `done` tells
 * how many steps of each chase are over: one that follows stays two behind, so that they never touch the same place. */
typedef struct {
    double *columns;
    ptrdiff_t stride, side, width;
    ptrdiff_t *done, *taken;
} F64(Band);

static void F64(add)(ptrdiff_t n, double factor, const double *restrict x, double *restrict y) {
#pragma omp simd
    for (ptrdiff_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

/* The reflection from both sides on the block on the diagonal from row `first` on: A - v w^T - w v^T. */
static void F64(both_sides)(const F64(Band) *band, ptrdiff_t first, ptrdiff_t n, const double *v, double tau) {
    double w[WIDEST] = {0};
    for (ptrdiff_t j = 0; j < n; j++) {
        const double *column = band->columns + (first + j) * band->stride - j;
        double sum = column[j] * v[j];
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t i = j + 1; i < n; i++) {
            sum += column[i] * v[i];
            w[i] += column[i] * v[j];
        }
        w[j] += sum;
    }
    for (ptrdiff_t i = 0; i < n; i++)
        w[i] *= tau;
    F64(add)(n, -tau / 2 * F64(dot)(n, v, w), v, w);
    for (ptrdiff_t j = 0; j < n; j++) {
        double *column = band->columns + (first + j) * band->stride - j, vj = v[j], wj = w[j];
#pragma omp simd
        for (ptrdiff_t i = j; i < n; i++)
            column[i] -= v[i] * wj + w[i] * vj;
    }
}

/* The reflection from the right on the block below, which fills it; then one from the left that empties its first
 * column again but for one element: that reflection takes the place of v. */
static double F64(pass_on)(const F64(Band) *band, ptrdiff_t first, ptrdiff_t n, ptrdiff_t rows, double *v, double tau) {
    double sums[WIDEST] = {0}, next[WIDEST];
    double *block = band->columns + first * band->stride + n; /* column j begins at block + j * step */
    ptrdiff_t step = band->stride - 1;
    for (ptrdiff_t j = 0; j < n; j++)
        F64(add)(rows, v[j], block + j * step, sums);
    for (ptrdiff_t j = 0; j < n; j++)
        F64(add)(rows, -tau * v[j], sums, block + j * step);
    double left, factor = F64(reflect)(rows, block, next, &left);
    memset(block, 0, rows * sizeof(double));
    block[0] = left;
    for (ptrdiff_t j = 1; j < n; j++)
        F64(add)(rows, -factor * F64(dot)(rows, next, block + j * step), next, block + j * step);
    memcpy(v, next, rows * sizeof(double));
    return factor;
}

/* A reflection on its way down the band, from the column that it belongs to. */
typedef struct {
    ptrdiff_t column, step, first, rows;
    double v[WIDEST], tau;
} F64(Chase);

/* The next step of a chase. The chase of the column before must be two steps ahead: `done` tells, and who waits gives
 * up its core in the end, since the other may need it. */
static void F64(advance)(const F64(Band) *band, F64(Chase) *it) {
    enum { PATIENCE = 1 << 12 };
    ptrdiff_t j = it->column, n = it->rows;
    for (int tries = 0; j && __atomic_load_n(band->done + j - 1, __ATOMIC_ACQUIRE) < it->step + 3; tries++)
        if (tries > PATIENCE)
            sched_yield();
    if (!it->step) {
        double *column = band->columns + j * band->stride + 1, left;
        it->tau = F64(reflect)(n, column, it->v, &left);
        memset(column, 0, n * sizeof(double));
        column[0] = left;
    }
    F64(both_sides)(band, it->first, n, it->v, it->tau);
    ptrdiff_t after = it->first + n, left = band->side - after;
    it->rows = left < band->width ? left : band->width;
    if (it->rows > 0)
        it->tau = F64(pass_on)(band, it->first, n, it->rows, it->v, it->tau);
    it->first = after;
    it->step++;
    __atomic_store_n(band->done + j, it->rows > 0 ? it->step : PTRDIFF_MAX, __ATOMIC_RELEASE);
}

/* Columns in their order, some at a time, as long as there are any: whoever is free takes the next. They go down the
 * band one behind the other, so that a place is in the cache still when the next of them comes. */
static void *F64(chase_columns)(void *band) {
    const F64(Band) *it = band;
    F64(Chase) chases[TOGETHER];
    for (ptrdiff_t start; (start = __atomic_fetch_add(it->taken, TOGETHER, __ATOMIC_RELAXED)) < it->side - 1;) {
        ptrdiff_t count = it->side - 1 - start < TOGETHER ? it->side - 1 - start : TOGETHER, running = count;
        for (ptrdiff_t k = 0; k < count; k++) {
            ptrdiff_t j = start + k, left = it->side - j - 1;
            chases[k].column = j, chases[k].step = 0, chases[k].first = j + 1;
            chases[k].rows = left < it->width ? left : it->width;
        }
        for (ptrdiff_t tick = 0; running; tick++)
            for (ptrdiff_t k = 0; k < count && 3 * k <= tick; k++)
                if (chases[k].rows > 0) {
                    F64(advance)(it, chases + k);
                    running -= chases[k].rows <= 0;
                }
    }
    return NULL;
}

/* Three diagonals of a band, which is used up, by at most so many threads. Each number is made of the same numbers in
 * the same order, however many there are. */
static int F64(chase)(F64(Band) *band, int threads, double *diagonal, double *beside) {
    enum { MOST = 16 };
    pthread_t others[MOST];
    ptrdiff_t taken = 0;
    int started = 0;
    band->taken = &taken;
    band->done = zeros(band->side * sizeof *band->done);
    if (!band->done)
        return NO_MEMORY;
    while (started < threads - 1 && started < MOST &&
           !pthread_create(others + started, NULL, F64(chase_columns), band))
        started++;
    F64(chase_columns)(band);
    while (started)
        pthread_join(others[--started], NULL);
    free(band->done);
    for (ptrdiff_t j = 0; j < band->side; j++) {
        diagonal[j] = band->columns[j * band->stride];
        beside[j] = band->columns[j * band->stride + 1];
    }
    return DONE;
}
