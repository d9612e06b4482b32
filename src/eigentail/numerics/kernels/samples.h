/* Samples drawn anew, and the tail that is nearest to its law in each: `numerics/interval.py` and `numerics/refit.py`
 * say what for. Samples are rows `stride` apart of values that ascend. */

/* Where the tails of n values begin, and the points of each, all tails of a point together, with their shares. */
typedef struct {
    ptrdiff_t n, tails, points;
    const int64_t *starts;
    const int32_t *at;
    const float *shares;
} F64(Grid);

/* e^x of numbers that are not positive, to a unit in the last place or two. Source: Moshier, Cephes, expf. */
static inline float F64(exponential)(float x) {
    const float whole_from = 0x1.8p23f; /* added and taken away again, it leaves a whole number */
    union {
        int32_t bits;
        float power;
    } two;
    x = x < -87.0f ? -87.0f : x;
    float k = (x * 1.44269504f + whole_from) - whole_from;
    float r = x - k * 0.693359375f + k * 2.12194440e-4f, sum = 1.9875691500e-4f;
    sum = sum * r + 1.3981999507e-3f;
    sum = sum * r + 8.3334519073e-3f;
    sum = sum * r + 4.1665795894e-2f;
    sum = sum * r + 1.6666665459e-1f;
    sum = sum * r + 5.0000001201e-1f;
    two.bits = ((int32_t)k + 127) << 23;
    return (sum * r * r + r + 1) * two.power;
}

/* Exponents of all tails of a sample by maximum likelihood; NaN where a tail is flat. */
static void F64(exponents)(const F64(Grid) *grid, const double *logs, double *exponents) {
    ptrdiff_t end = grid->n;
    double total = 0;
    for (ptrdiff_t tail = grid->tails - 1; tail >= 0; tail--) {
        ptrdiff_t start = grid->starts[tail];
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t i = start; i < end; i++)
            sum += logs[i];
        total += sum;
        end = start;
        double size = grid->n - start, above = total - size * logs[start];
        exponents[tail] = above > 0 ? 1 + size / above : NAN;
    }
}

/* Logarithms at the points of all tails. One by one, and so volatile: instructions that gather several are slow. */
static void F64(look_up)(const F64(Grid) *grid, const double *logs, float *found) {
    const volatile int32_t *at = grid->at;
    for (ptrdiff_t i = 0; i < grid->points * grid->tails; i++)
        found[i] = logs[at[i]];
}

/* The largest gaps between law and sample at the points of each tail; the first of them is where it begins. */
static void F64(gaps)(const F64(Grid) *grid, const float *restrict logs, const float *restrict slopes,
                      float *restrict largest) {
    memset(largest, 0, grid->tails * sizeof *largest);
    for (ptrdiff_t point = 0; point < grid->points; point++) {
        const float *here = logs + point * grid->tails, *shares = grid->shares + point * grid->tails;
#pragma omp simd
        for (ptrdiff_t tail = 0; tail < grid->tails; tail++) {
            float gap = fabsf(F64(exponential)(slopes[tail] * (here[tail] - logs[tail])) - shares[tail]);
            largest[tail] = gap > largest[tail] ? gap : largest[tail];
        }
    }
}

/* The exponent of each sample, and where its tail begins: that with the smallest gap, the first of equals; the first of
 * all where every tail is flat. */
int F64(refit)(ptrdiff_t rows, ptrdiff_t stride, const double *samples, ptrdiff_t n, ptrdiff_t tails, ptrdiff_t points,
               const int64_t *starts, const int32_t *at, const float *shares, double *alphas, int64_t *chosen) {
    const F64(Grid) grid = {n, tails, points, starts, at, shares};
    double *exponents = zeros(tails * sizeof *exponents);
    float *memory = zeros((points + 2) * tails * sizeof *memory), *logs = memory, *slopes = logs + points * tails;
    float *largest = slopes + tails;
    int status = exponents && memory ? DONE : NO_MEMORY;
    for (ptrdiff_t row = 0; status == DONE && row < rows; row++, samples += stride) {
        const double steepest = 1e6;
        float nearest = INFINITY;
        ptrdiff_t best = 0;
        F64(look_up)(&grid, samples, logs);
        F64(exponents)(&grid, samples, exponents);
        for (ptrdiff_t tail = 0; tail < tails; tail++)
            slopes[tail] = 1 - (exponents[tail] < steepest ? exponents[tail] : steepest);
        F64(gaps)(&grid, logs, slopes, largest);
        for (ptrdiff_t tail = 0; tail < tails; tail++)
            if (largest[tail] < nearest && !isnan(exponents[tail])) {
                nearest = largest[tail];
                best = tail;
            }
        alphas[row] = exponents[best];
        chosen[row] = starts[best];
    }
    free(exponents);
    free(memory);
    return status;
}

/* Sums of what is there, in place; the last one. */
static double F64(summed)(ptrdiff_t n, double *x) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = sum += x[i];
    return sum;
}

/* In place of n + 1 exponential numbers, n values of the polygon through the order statistics `logs`, and of the law
 * beyond the largest. */
int F64(redraw)(ptrdiff_t rows, ptrdiff_t n, const double *logs, double alpha, double *drawn) {
    for (; rows > 0; rows--, drawn += n + 1) {
        double scale = n / F64(summed)(n + 1, drawn);
        for (ptrdiff_t i = 0; i < n; i++) {
            double place = drawn[i] * scale - 0.5;
            place = place > 0 ? place : 0;
            if (place < n - 1) {
                ptrdiff_t whole = place;
                drawn[i] = logs[whole] + (place - whole) * (logs[whole + 1] - logs[whole]);
            } else {
                double left = 2 * (n - 0.5 - place), least = 1e-300;
                drawn[i] = logs[n - 1] - log(left > least ? left : least) / (alpha - 1);
            }
        }
    }
    return DONE;
}

/* In place of n + 1 exponential numbers: the first, left over, and n values, of those below the start drawn from those
 * there, and the others from a tail that begins there. */
int F64(draw)(ptrdiff_t rows, ptrdiff_t n, const double *logs, const int64_t *starts, const double *alphas,
              double *drawn) {
    for (ptrdiff_t row = 0; row < rows; row++, drawn += n + 1) {
        ptrdiff_t start = starts[row];
        double scale = start / F64(summed)(start + 1, drawn), before = drawn[0], sum = 0;
        for (ptrdiff_t i = 1; i <= start; i++) {
            double value = logs[(ptrdiff_t)(before * scale)];
            before = drawn[i];
            drawn[i] = value;
        }
        scale = 1 / (alphas[row] - 1);
        for (ptrdiff_t i = start; i < n; i++) /* ordered, they are sums of independent ones over how many are left */
            drawn[i + 1] = logs[start] + scale * (sum += drawn[i + 1] / (n - i));
    }
    return DONE;
}
