/* W^T W of weights stored as bfloat16, by the tile registers of some processors (AMX): each product is exact, as that
 * of float32 would be, and is added in float32. Compiled only where the compiler knows these registers. */

#include <immintrin.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels.h"

/* A tile is 16 columns of W by 32 rows, two rows in a word; a panel of rows is laid out at a time; and so many columns
 * of it, which stay in the cache of a core, are multiplied with all those before them. */
enum { WORDS = 16, ROWS = 2 * WORDS, PANEL = 512, COLUMNS = 256, TILE = WORDS * WORDS };

typedef uint32_t Words __attribute__((vector_size(WORDS * sizeof(uint32_t)), may_alias, aligned(4)));

/* Some rows of weights: their distance and that of columns, one of the two being one; their tiles, those of a column
 * together, as the left factor and as the right one; what is added to. */
typedef struct {
    const uint16_t *weights;
    ptrdiff_t rows, side, row, column, depth;
    uint32_t *left, *right;
    float *total;
    atomic_ptrdiff_t left_over; /* pieces of work that nobody has begun */
} Panel;

/* Whether this processor has the registers and the system lets this process use them. */
int eigentail_tiles(void) {
    enum { TILE_AND_BF16 = 1 << 24 | 1 << 22, ASK = 0x1023, DATA = 18 };
    int words[4];
    __asm__("cpuid" : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3]) : "a"(7), "c"(0));
    return (words[3] & TILE_AND_BF16) == TILE_AND_BF16 && syscall(SYS_arch_prctl, ASK, DATA) == 0;
}

static void transpose(const uint32_t *from, uint32_t *to) {
    Words rows[WORDS];
    memcpy(rows, from, sizeof rows);
#pragma GCC unroll 4
    for (int step = WORDS / 2; step; step /= 2) {
        Words upper, lower;
        for (int lane = 0; lane < WORDS; lane++) {
            upper[lane] = lane & step ? WORDS + lane - step : lane;
            lower[lane] = lane & step ? WORDS + lane : lane + step;
        }
        for (int i = 0; i < WORDS; i++)
            if (!(i & step)) {
                Words one = rows[i], other = rows[i + step];
                rows[i] = __builtin_shuffle(one, other, upper);
                rows[i + step] = __builtin_shuffle(one, other, lower);
            }
    }
    memcpy(to, rows, sizeof rows);
}

/* One tile as both factors; zeros where there are no weights. */
static void lay_out(const Panel *it, ptrdiff_t column, ptrdiff_t row, uint32_t *left, uint32_t *right) {
    uint16_t edge[ROWS * WORDS] = {0};
    const uint16_t *weights = it->weights + row * it->row + column * it->column;
    ptrdiff_t rows = it->rows - row, columns = it->side - column, down = it->row, across = it->column;
    if (rows < ROWS || columns < WORDS) {
        for (ptrdiff_t i = 0; i < rows && i < ROWS; i++)
            for (ptrdiff_t j = 0; j < columns && j < WORDS; j++)
                edge[i * WORDS + j] = weights[i * down + j * across];
        weights = edge;
        down = WORDS;
        across = 1;
    }
    if (across == 1) {
        for (int i = 0; i < WORDS; i++) {
            const uint16_t *even = weights + 2 * i * down, *odd = even + down;
            for (int j = 0; j < WORDS; j++)
                right[i * WORDS + j] = even[j] | (uint32_t)odd[j] << 16;
        }
        transpose(right, left);
    } else {
        for (int j = 0; j < WORDS; j++)
            memcpy(left + j * WORDS, weights + j * across, WORDS * sizeof(uint32_t));
        transpose(left, right);
    }
}

/* Columns of tiles as long as there are any. */
static void *lay_out_some(void *panel) {
    Panel *it = panel;
    for (ptrdiff_t tile; (tile = atomic_fetch_sub(&it->left_over, 1) - 1) >= 0;)
        for (ptrdiff_t k = 0; k < it->depth; k++) {
            ptrdiff_t at = (tile * it->depth + k) * TILE;
            lay_out(it, tile * WORDS, k * ROWS, it->left + at, it->right + at);
        }
    return NULL;
}

/* Two columns of tiles with two others, to what is added to. */
static void multiply(const Panel *it, ptrdiff_t i, ptrdiff_t j) {
    float block[ROWS][ROWS];
    const uint32_t *left = it->left + i * it->depth * WORDS, *right = it->right + j * it->depth * WORDS;
    ptrdiff_t beside = it->depth * TILE, rows = it->side - i < ROWS ? it->side - i : ROWS;
    ptrdiff_t columns = it->side - j < ROWS ? it->side - j : ROWS;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (ptrdiff_t k = 0; k < it->depth; k++, left += TILE, right += TILE) {
        _tile_loadd(4, left, 64);
        _tile_loadd(5, left + beside, 64);
        _tile_loadd(6, right, 64);
        _tile_loadd(7, right + beside, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, block[0], sizeof block[0]);
    _tile_stored(1, block[0] + WORDS, sizeof block[0]);
    _tile_stored(2, block[WORDS], sizeof block[0]);
    _tile_stored(3, block[WORDS] + WORDS, sizeof block[0]);
    for (ptrdiff_t k = 0; k < rows; k++)
        for (ptrdiff_t l = 0; l < columns; l++)
            it->total[(i + k) * it->side + j + l] += block[k][l];
}

/* Blocks of columns as long as there are any, the last first, since it meets most of the others. */
static void *multiply_some(void *panel) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } tiles = {.palette = 1};
    Panel *it = panel;
    for (int tile = 0; tile < 8; tile++) {
        tiles.bytes[tile] = 64;
        tiles.rows[tile] = WORDS;
    }
    _tile_loadconfig(&tiles);
    for (ptrdiff_t block; (block = atomic_fetch_sub(&it->left_over, 1) - 1) >= 0;) {
        ptrdiff_t first = block * COLUMNS, end = first + COLUMNS < it->side ? first + COLUMNS : it->side;
        for (ptrdiff_t i = 0; i < end; i += ROWS)
            for (ptrdiff_t j = i > first ? i : first; j < end; j += ROWS)
                multiply(it, i, j);
    }
    _tile_release();
    return NULL;
}

/* So many pieces of work by this thread and as many others as there can be. */
static void together(void *(*work)(void *), Panel *it, ptrdiff_t pieces, pthread_t *others, ptrdiff_t threads) {
    ptrdiff_t started = 0;
    it->left_over = pieces;
    while (started < threads - 1 && !pthread_create(others + started, NULL, work, it))
        started++;
    work(it);
    while (started)
        pthread_join(others[--started], NULL);
}

/* To what is on and above the diagonal of the total (in C), what some rows give. */
int eigentail_add_product_bf16(ptrdiff_t rows, ptrdiff_t side, const uint16_t *weights, ptrdiff_t row, ptrdiff_t column,
                               float *total, ptrdiff_t threads) {
    ptrdiff_t width = (side + ROWS - 1) / ROWS * ROWS, half = width * PANEL / 2;
    uint32_t *memory = zeros(2 * half * sizeof *memory);
    pthread_t *others = calloc(threads, sizeof *others);
    int status = memory && others ? DONE : NO_MEMORY;
    for (ptrdiff_t first = 0; status == DONE && first < rows; first += PANEL) {
        ptrdiff_t here = rows - first < PANEL ? rows - first : PANEL, depth = (here + ROWS - 1) / ROWS;
        Panel it = {weights + first * row, here, side, row, column, depth, memory, memory + half, total, 0};
        together(lay_out_some, &it, width / WORDS, others, threads);
        together(multiply_some, &it, (side + COLUMNS - 1) / COLUMNS, others, threads);
    }
    free(memory);
    free(others);
    return status;
}
